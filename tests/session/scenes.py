"""What two or three clients say at the same time, for `tests.session.schedules`."""

from collections.abc import Sequence

from tests.session.hammer.agent import Kind
from tests.session.schedules import Part

PLAIN, CONDSTORE, QRESYNC = Kind

DEAF = b"NOTIFY NONE"

SCENES: dict[str, Sequence[Part]] = {
    "two store on one message": (
        Part(QRESYNC, (rb"STORE 1 +FLAGS (\Seen)",)),
        Part(QRESYNC, (rb"STORE 1 +FLAGS.SILENT (\Flagged)", b"NOOP")),
    ),
    "one only reads": (
        Part(QRESYNC, (rb"STORE 1 +FLAGS (\Seen)", rb"STORE 1:2 -FLAGS.SILENT (\Seen)")),
        Part(QRESYNC, (b"NOOP", b"FETCH 1:* (FLAGS MODSEQ)", b"NOOP"), b"EXAMINE"),
    ),
    "one shows a body": (
        Part(CONDSTORE, (b"FETCH 1:2 BODY[TEXT]",)),
        Part(CONDSTORE, (rb"STORE 1:3 -FLAGS (\Seen)", b"NOOP")),
    ),
    "one expunges": (
        Part(QRESYNC, (rb"STORE 2 +FLAGS.SILENT (\Deleted)", b"EXPUNGE")),
        Part(QRESYNC, (rb"STORE 2:3 +FLAGS (\Seen)",)),
    ),
    "one stores what is unchanged": (
        Part(CONDSTORE, (rb"STORE 1:2 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\Seen)",)),
        Part(QRESYNC, (rb"STORE 1 +FLAGS (Work)", rb"STORE 2 FLAGS (\Seen)")),
    ),
    "without modseqs": (
        Part(PLAIN, (rb"STORE 1 FLAGS.SILENT (\Seen)",)),
        Part(PLAIN, (rb"STORE 1 +FLAGS.SILENT (\Flagged)", b"NOOP")),
    ),
    "one expunges and hears nothing": (
        Part(PLAIN, (rb"STORE 2 +FLAGS (\Deleted)", b"EXPUNGE", b"FETCH 1:* UID"), before=(DEAF,)),
        Part(PLAIN, (rb"STORE 1 +FLAGS (\Seen)",)),
    ),
    "one moves": (
        Part(QRESYNC, (b"MOVE 1 Archive",)),
        Part(CONDSTORE, (rb"UID STORE 1:2 -FLAGS (\Seen)", b"NOOP")),
    ),
}
"""Two clients: few enough orders to try them all."""

CROWDS: dict[str, Sequence[Part]] = {
    "two store, one only reads": (
        Part(QRESYNC, (rb"STORE 1 +FLAGS (\Seen)", rb"STORE 1:2 -FLAGS.SILENT (\Seen)")),
        Part(CONDSTORE, (rb"STORE 1 +FLAGS.SILENT (\Flagged)", rb"STORE 1 FLAGS (Work)", b"NOOP")),
        Part(QRESYNC, (b"NOOP", b"FETCH 1:* (FLAGS MODSEQ)", b"NOOP", b"NOOP"), b"EXAMINE"),
    ),
    "each in its own way": (
        Part(PLAIN, (b"FETCH 1:* BODY[TEXT]", rb"STORE 2 +FLAGS.SILENT (\Deleted)", b"EXPUNGE")),
        Part(QRESYNC, (rb"UID STORE 1:3 FLAGS.SILENT (work)", b"UID FETCH 1:* FLAGS", b"NOOP")),
        Part(CONDSTORE, (rb"STORE 1:3 (UNCHANGEDSINCE 3) -FLAGS (\Seen)", b"CHECK", b"NOOP")),
    ),
    "copies come": (
        Part(QRESYNC, (b"COPY 1:2 HERE", rb"UID STORE 1:3 +FLAGS (\Seen)", b"NOOP")),
        Part(
            QRESYNC, (b"UID MOVE 2 Trash", rb"UID STORE 1:3 +FLAGS.SILENT (\Deleted)", b"EXPUNGE")
        ),
        Part(PLAIN, (b"NOOP", b"FETCH 1:* (UID FLAGS)", b"NOOP"), b"EXAMINE"),
    ),
}
"""Three: orders by chance."""
