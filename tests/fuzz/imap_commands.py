"""Commands as clients send them, and nearly so."""

from random import Random

from tests.fuzz.grammar import Grammar

_OCTETS = (
    b"", b"a", b"INBOX", b"NIL", b"x y", b'say "hi"', b"back\\slash", b"caf\xc3\xa9", b"\xff\0\x80",
    b"Entw&APw-rfe", b"&", b"&-", b"&2AHcAQ-", b"&AGE-", b"a/b/c", b"*", b"%", b"]", b"in\r\nline",
    b"From", b"subject", b"dGVzdA==", b"\0user\0pw", b"{3}", b"{3+}\r\n", b"~{0}", b"z" * 120,
)  # fmt: skip


def _quoted(rng: Random) -> bytes:
    text = rng.choice(_OCTETS)
    return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _literal(rng: Random) -> bytes:
    text = rng.choice(_OCTETS) * rng.choice((1, 1, 1, 1, 2, 40))
    size = len(text) if rng.random() < 0.9 else rng.choice((0, 7, 3000, 3001, 10**6, 10**20))
    return b"%b{%d%b}\r\n%b" % (rng.choice((b"", b"", b"~")), size, rng.choice((b"", b"+")), text)


def _number(rng: Random) -> bytes:
    if rng.random() < 0.9:
        return b"%d" % rng.choice((1, 2, 7, 42, 999, 2**31, 2**32 - 1))
    return b"%d" % rng.choice((0, 2**32, 2**63 - 1, 2**63, 10**25))


RULES = {
    "line": (
        *(b"a1 $command\r\n",) * 12, b"$tag $command\r\n", b"a1 $command$end",
        b"a1 uid $command\r\n",
    ),
    "end": (b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n", b"\r\r\n", b"", b" {5}\r\n"),
    "tag": (b"a1", b"A.99", b"]", b"*", b"+", b"", b'"t"', b"1[x"),
    "number": _number,
    "quoted": _quoted,
    "literal": _literal,
    "string": (b"$quoted", b"$literal"),
    "atom": (b"foo", b"INBOX", b"NIL", b"a/b", b"$Forwarded", b"a[1]", b"&AOk-", b"x", b"&-"),
    "astring": (b"$atom", b"$string"),
    "pattern": (b"*", b"%", b"%/%", b"a*b%c*", b"$astring", b"INBOX%", b"***%%%*"),
    "point": (b"$number", b"*"),
    "range": (b"$point", b"$point:$point"),
    "set": (b"$range", b"$range,$set", b"$"),
    "system": (b"\\Seen", b"\\deleted", b"\\RECENT", b"\\Answered"),
    "flag": (b"$system", b"kw", b"$Junk", b"$MDNSent", b"]x", b"a[b"),
    "flags": (b"$flag", b"$flag $flags"),
    "month": (b"Jan", b"feb", b"DEC"),
    "date": (b"1-$month-2026", b'"28-$month-2025"', b"31-Dec-9999", b"01-Mar-0001"),
    "zone": (b"+0000", b"-1200", b"+2359"),
    "datetime": (
        b'" 1-$month-2026 08:00:00 $zone"',
        b'"31-Dec-9999 23:59:60 $zone"',
        b'"01-Jan-0001 00:00:00 $zone"',
    ),
    "key": (
        b"ALL", b"$set", b"UNSEEN", b"RECENT", b"KEYWORD $flag", b"UNKEYWORD $atom", b"OLD",
        b"FROM $astring", b"BODY $astring", b"TEXT $astring", b"HEADER $astring $astring",
        b"SINCE $date", b"SENTBEFORE $date", b"ON $date", b"LARGER $number", b"SMALLER $number",
        b"UID $set", b"MODSEQ $number", b"MODSEQ $string all $number", b"NOT $key", b"OR $key $key",
        b"($keys)", b"NEW", b"DELETED", b"SUBJECT $astring",
        b"SAVEDON $date", b"SAVEDATESUPPORTED", b"EMAILID $atom", b"THREADID M1_-",
    ),
    "keys": (b"$key", b"$key $keys", b"NOT NOT $keys", b"OR $key OR $keys", b"(($keys))"),
    "path": (b"1", b"2.1", b"1.2.3.4", b"999999999.1"),
    "fields": (b"$astring", b"$astring $fields"),
    "what": (b"", b"HEADER", b"TEXT", b"MIME", b"HEADER.FIELDS ($fields)",
             b"header.fields.not ($fields)"),
    "section": (b"[]", b"[$path]", b"[$what]", b"[$path.HEADER]",
                b"[$path.HEADER.FIELDS ($fields)]"),
    "partial": (b"", b"", b"<$number.$number>", b"<0.10>"),
    "item": (
        b"BINARY[$path]$partial", b"BINARY.PEEK[]$partial", b"BINARY.SIZE[$path]",
        b"UID", b"FLAGS", b"RFC822.SIZE", b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"RFC822.HEADER",
        b"BODY$section$partial", b"BODY.PEEK$section$partial", b"INTERNALDATE", b"RFC822",
        b"PREVIEW", b"PREVIEW (LAZY)", b"EMAILID", b"SAVEDATE",
        b"MODSEQ", b"BODY.PEEK[$path.MIME]", b"body[$path.text]", b"BODY[HEADER.FIELDS ($fields)]",
    ),
    "items": (b"$item", b"$item $items"),
    "fetch": (b"$item", b"($items)", b"ALL", b"full", b"FAST", b"($items) (CHANGEDSINCE $number)"),
    "stats": (b"MESSAGES", b"UIDNEXT $stats", b"HIGHESTMODSEQ", b"RECENT UNSEEN $stats"),
    "uses": (b"", b"\\Sent", b"\\sent \\X", b"\\All $uses", b"Sent"),
    "patterns": (b"$pattern", b"$pattern $patterns"),
    "select": (b"", b"SUBSCRIBED", b"SUBSCRIBED RECURSIVEMATCH", b"REMOTE $select", b"SPECIAL-USE",
               b"RECURSIVEMATCH"),
    "returns": (b"", b"CHILDREN", b"SUBSCRIBED $returns", b"STATUS ($stats)", b"SPECIAL-USE",
                b"METADATA $entries", b"metadata ($entry)"),
    "entry": (b"/private/comment", b"/SHARED/vendor/x/y", b"/shared", b"/private//a", b"$astring",
              b'"/private/a*"'),
    "entries": (b"$entry", b"($entry)", b"($entry $entry)"),
    "meta": (b"", b"(DEPTH 1) ", b"(MAXSIZE $number depth infinity) ", b"(DEPTH $number) "),
    "values": (b"$entry $string", b"$entry NIL", b"$entry $literal $values", b"$entry $astring"),
    "pairs": (b"$astring $astring", b"$string NIL $pairs", b"$astring $astring $pairs"),
    "modified": (b"", b"", b"", b" (CONDSTORE)", b" (QRESYNC ($number $number $set))"),
    "append": (b"$astring $literal", b"$astring ($flags) $literal", b"$astring $datetime $literal",
               b"$astring ($flags) $datetime $literal", b"$astring () $literal",
               b"$astring UTF8 (~$literal)", b"$astring ($flags) utf8 (~$literal) $literal"),
    "op": (b"FLAGS", b"+FLAGS", b"-flags.silent", b"+FLAGS.SILENT"),
    "event": (b"MessageNew MessageExpunge", b"MessageNew ($items) messageexpunge FlagChange",
              b"MailboxName", b"SubscriptionChange $event", b"AnnotationChange", b"$atom",
              b"MailboxMetadataChange ServerMetadataChange"),
    "names": (b"$astring", b"($astring)", b"($astring $astring)", b"()"),
    "source": (b"selected", b"SELECTED-DELAYED", b"inboxes", b"personal", b"subscribed", b"$atom",
               b"subtree $names", b"subtree-one $names", b"mailboxes $names", b"$source $source"),
    "group": (b"($source ($event))", b"($source NONE)", b"($source ($event)) $group"),
    "command": (
        b"NOTIFY NONE", b"NOTIFY SET $group", b"NOTIFY SET STATUS $group",
        b"ESEARCH IN ($source) $keys", b"ESEARCH IN ($source) RETURN (SAVE MIN) $keys",
        b"NOOP", b"CAPABILITY", b"LOGOUT", b"CHECK", b"CLOSE", b"EXPUNGE", b"UNSELECT", b"IDLE",
        b"STARTTLS", b"NAMESPACE", b"LOGIN $astring $astring", b"AUTHENTICATE PLAIN",
        b"AUTHENTICATE $atom dGVzdA==", b"AUTHENTICATE PLAIN =", b"ID NIL", b"ID ($pairs)",
        b"SELECT $astring$modified", b"EXAMINE $astring", b"CREATE $astring", b"DELETE $astring",
        b"RENAME $astring $astring", b"SUBSCRIBE $astring", b"UNSUBSCRIBE $astring",
        b"CREATE $astring (USE ($uses))", b"LIST ($select) $astring ($patterns) RETURN ($returns)",
        b"LIST $astring $pattern RETURN ($returns)", b"LIST ($select) $astring $pattern",
        b"GETMETADATA $meta$astring $entries", b"SETMETADATA $astring ($values)",
        b"LIST $astring $pattern", b"LSUB $astring $pattern", b"STATUS $astring ($stats)",
        b"APPEND $append", b"APPEND $append", b"COMPRESS DEFLATE", b"COMPRESS $atom",
        b"REPLACE $point $append", b"UID REPLACE $set $append", b"SEARCH $keys",
        b"SEARCH CHARSET UTF-8 $keys",
        b"UID SEARCH $keys", b"SEARCH RETURN (SAVE MIN) $keys",
        b"SEARCH charset $astring $key", b"SEARCH ($keys)",
        b"FETCH $set $fetch",
        b"FETCH 1:* ($items)", b"UID FETCH 1 BODY$section$partial", b"FETCH $set ($items)",
        b"UID FETCH $set $fetch", b"STORE $set $op ($flags)", b"UID STORE $set $op $flags",
        b"STORE $set (UNCHANGEDSINCE $number) $op ($flags)", b"COPY $set $astring",
        b"UID MOVE $set $astring", b"UID EXPUNGE $set", b"ENABLE $atom $atom",
    ),
}  # fmt: skip
COMMANDS = Grammar(RULES)
TOKENS = (
    b"\r\n", b"\n", b" ", b"{0}\r\n", b"{3}\r\n", b"{3+}\r\n", b"~{5}\r\n", b"~{5+}\r\n",
    b"{0+}\r\n",
    b"{4294967296}\r\n", b"{99999999999999999999+}\r\n", b'"', b'\\"', b"(", b")", b"[", b"]",
    b"<0.1>",
    b"1:*", b"*:4294967295", b",", b"NOT ", b"OR ", b"UID ", b"NIL", b"a1 ", b"a1 SEARCH ",
    b"a1 FETCH 1 ",
    b"a1 APPEND x ", b"a1 LOGIN ", b"a1 STORE 1 FLAGS ", b"BODY[", b"HEADER.FIELDS (", b"\\Seen",
    b"&AOk-",
    b"CHARSET UTF-8 ", b"1-Jan-2026", b'" 1-Jan-2026 08:00:00 +0000"', b"%", b"*", b"1.1",
    b"MODSEQ 1",
)  # fmt: skip
