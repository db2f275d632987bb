"""Commands and messages that bring a server to say all kinds of things."""

import random

SIMPLE = (
    b"From: a <a@example.org>\r\nTo: b@example.org\r\nSubject: hi\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n"
)
MIXED = (
    b"From: =?utf-8?q?=C3=A9?= <e@example.org>\r\nTo: group: x@y.z, q@w.e;, un@done\r\n"
    b'Cc: undisclosed:;\r\nSubject: mixed \xe9 8bit "q" \\\r\nMIME-Version: 1.0\r\n'
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nt=C3=A9xt\r\n"
    b'--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename="x"\r\n\r\n'
    + SIMPLE
    + b"\r\n--b\r\nContent-Type: image/png; name*=utf-8''%e2%82%ac.png\r\nContent-ID: <c@d>\r\n"
    b"Content-Description: d\r\nContent-Language: en, de\r\nContent-Location: http://x/\r\n"
    b"Content-MD5: abc==\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n--b--\r\n"
)

NO_TYPE = b"Content-Type: \r\n\r\n"

ODD = (
    b"\r\n",
    b"no header at all\r\n",
    b"Subject: only\r\n",
    b"From: foo\r\n\r\n",
    b"From: <>\r\nTo: @\r\n\r\nx",
    b'From: "q\\"uo\\\\te" <x@y>\r\n\r\nx',
    b"From: a, b, c@d, (comment) e@f, g: h@i, j@k\r\n\r\n",
    b"To: g1: g2: a@b;;\r\nCc: :;\r\nBcc: x:\r\nReply-To: ;\r\n\r\n",
    b"From: <@route,@r2:u@h>\r\nSender: a@[1.2.3.4]\r\n\r\n",
    b'From: "\xe9" <c@d>\r\nSubject: a\x01b\x7f\r\n\r\n',
    b"From: \r\nTo: ,\r\nCc: ,,a@b,,\r\n\r\n",
    b"Date: garbage\r\nIn-Reply-To:\r\nMessage-ID:   \r\n\r\n",
    b"Subject:" + b"x" * 3000 + b"\r\n\r\n",
    b"Subject: folded\r\n\tline\r\n and more\r\n\r\n",
    b"\xff\xfe: x\r\nFrom: \xff\xfe <\xff@\xfe>\r\n\r\n\xff",
    b"Content-Type: multipart/mixed; boundary=z\r\n\r\nno parts\r\n",
    b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
    NO_TYPE,
    b"Content-Type: message/rfc822\r\n\r\nnot a message",
    b"Content-Type: text/plain; charset=\r\n\r\n",
    b'Content-Type: text/plain; =x; a; b="\xff"; b=2\r\n\r\n',
    b"Content-Disposition: \r\nContent-Language: ,,\r\nContent-Transfer-Encoding: \r\n\r\n",
    b"Content-Type: multipart/digest; boundary=a\r\n\r\n"
    b"--a\r\n\r\nSubject: x\r\n\r\ny\r\n--a--\r\n",
    b"Content-Type: text/plain; a*0=x; a*1*=%20y; a*=utf-8''z\r\n\r\nx",
    b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(50)
    ),
    b"Content-Type: message/rfc822\r\n\r\n" * 50 + b"Subject: deep\r\n\r\nx",
)

FETCHES = (
    b"ALL",
    b"FULL",
    b"BODYSTRUCTURE",
    b"(PREVIEW SAVEDATE EMAILID THREADID)",
    b"RFC822",
    b"(RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
    b"(BODY[] BODY[])",
    b"(BODY.PEEK[]<0.5> BODY.PEEK[]<5.100000> BODY.PEEK[]<100000.1>)",
    b"(BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.MIME])",
    b"(BODY.PEEK[2] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[2.1] BODY.PEEK[2.MIME])",
    b"(BODY.PEEK[3] BODY.PEEK[9.9.9] BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]<1.3>)",
    b"BODY.PEEK[HEADER.FIELDS (Subject From)]",
    b'BODY.PEEK[HEADER.FIELDS.NOT ("sub ject" {3+}\r\nfoo "a\\"b")]',
)

MAILBOXES = (
    b'LIST "" ""',
    b"CREATE Work",
    b"CREATE Work/Sub/Deep",
    b'CREATE "a b"',
    b'CREATE "&AOk-"',
    b'CREATE "&AGE-"',
    b'CREATE "q&-a"',
    b'CREATE "br]acket"',
    b'CREATE "(paren)"',
    b"CREATE nil",
    b"CREATE Work",
    b"CREATE inbox",
    b'LIST "" *',
    b'LIST "" %',
    b'LIST "Work/" "*"',
    b"SUBSCRIBE Work/Sub/Deep",
    b"SUBSCRIBE nope",
    b'LSUB "" *',
    b'LSUB "" %',
    b"STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)",
    b"STATUS inbox (MESSAGES)",
    b'STATUS "a b" (UIDNEXT)',
    b"STATUS {5+}\r\n&AOk- (UNSEEN)",
    b"STATUS nil (MESSAGES)",
    b"STATUS nope (MESSAGES)",
    b"STATUS INBOX (FOO)",
    b'LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN STATUS (MESSAGES SIZE MAILBOXID))',
    b'LIST (SPECIAL-USE REMOTE) "" (* %) RETURN (SUBSCRIBED METADATA (/private/specialuse))',
    b'LIST (RECURSIVEMATCH) "" *',
    b"CREATE Special (USE (\\Sent))",
    b"CREATE Special (USE ())",
    b'SETMETADATA Special (/private/comment {5+}\r\na\r\nb" /shared/comment ~{3+}\r\na\0b)',
    b'SETMETADATA "" (/shared/comment NIL /private/vendor/x/y {2+}\r\n\xc3\xa9)',
    b'GETMETADATA (DEPTH infinity) "*" (/private /shared)',
    b"GETMETADATA (MAXSIZE 4) Special (/private/comment /shared/comment /private/none)",
    b'GETMETADATA "" (/private/vendor/x/y)',
    b"ENABLE METADATA",
    b"NAMESPACE",
    b"RENAME Work Play",
    b"RENAME nope x",
    b'LIST "" *',
    b"DELETE Play",
    b"DELETE nope",
    b"SELECT nope",
    b"ID NIL",
    b"CAPABILITY",
    b"FOO",
    b"NOOP",
)

SELECTED = (
    b"SELECT INBOX",
    b"FETCH 1:* (UID FLAGS INTERNALDATE)",
    b"STORE 1 +FLAGS (new $kw)",
    b"STORE 1:* FLAGS.SILENT ()",
    b"UID STORE 1:* +FLAGS (k2 \\Seen)",
    b"STORE 1 +FLAGS (\\Recent)",
    b"STORE 99 FLAGS (x)",
    b"SEARCH ALL",
    b"SEARCH 99",
    b"UID SEARCH UNSEEN",
    b"SEARCH KEYWORD k2 NOT DELETED",
    b"SEARCH CHARSET UTF-8 SUBJECT {2+}\r\n\xc3\xa9",
    b"SEARCH CHARSET X-FOO SUBJECT x",
    b"SEARCH FOO",
    b"SEARCH RETURN (MIN MAX COUNT ALL) ALL",
    b"UID SEARCH RETURN () KEYWORD k2",
    b"UID SEARCH RETURN (MIN) KEYWORD nobody",
    b"SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
    b"UID SORT (DISPLAYFROM) US-ASCII UNSEEN",
    b"SORT (ARRIVAL) UTF-8 KEYWORD nobody",
    b"UID SORT RETURN (ALL COUNT) (REVERSE SIZE) UTF-8 ALL",
    b"SORT (DATE) X-FOO ALL",
    b"THREAD REFERENCES UTF-8 ALL",
    b"UID THREAD REFS UTF-8 NOT 1",
    b"THREAD ORDEREDSUBJECT UTF-8 KEYWORD nobody",
    b"COPY 1:* INBOX",
    b"COPY 1 nope",
    b"UID COPY 99999 INBOX",
    b"CREATE T",
    b"UID COPY 1:* T",
    b"MOVE 1 T",
    b"UID MOVE 99999 T",
    b"STORE 1,3 +FLAGS.SILENT (\\Deleted)",
    b"EXPUNGE",
    b"STORE 1 +FLAGS (\\Deleted)",
    b"UID EXPUNGE 1:*",
    b"CHECK",
    b"EXAMINE T",
    b"STORE 1 +FLAGS (x)",
    b"EXPUNGE",
    b"CLOSE",
    b"SELECT T",
    b"SELECT T",
    b"SELECT nope",
    b"FETCH 1 FLAGS",
    b"SELECT T",
    b"SELECT",
    b"FETCH 1 FLAGS",
    b"UNSELECT",
    b"DELETE T",
)

WILD = (
    b"NOOP",
    b"CHECK",
    b"FETCH 1:* (UID FLAGS)",
    b"UID FETCH 1:* (FLAGS)",
    b"FETCH 1:2 (BODY.PEEK[] RFC822.SIZE ENVELOPE)",
    b"FETCH 2 BODY[TEXT]",
    b"STORE 1 +FLAGS (\\Flagged)",
    b"STORE 1:2 -FLAGS.SILENT (\\Seen)",
    b"UID STORE 1:* +FLAGS ($one)",
    b"STORE 1 FLAGS (two \\Draft)",
    b"STORE 1,2 +FLAGS (\\Deleted)",
    b"UID STORE 1:* -FLAGS (\\Deleted)",
    b"EXPUNGE",
    b"UID EXPUNGE 1:*",
    b"SEARCH UNSEEN",
    b"UID SEARCH ALL",
    b"COPY 1 INBOX",
    b"MOVE 1 Other",
    b"UID MOVE 1:3 Other",
    b"STATUS Other (MESSAGES UNSEEN)",
    b"SELECT INBOX",
    b"SELECT Other",
    b"CLOSE",
    b"APPEND INBOX (\\Seen three) {3+}\r\na\r\n",
    b"APPEND Other {3+}\r\na\r\n",
)
"""For several clients at once, in any order."""


def append(octets: bytes) -> bytes:
    """An APPEND to INBOX of these octets."""
    return b"APPEND INBOX () {%d+}\r\n%b" % (len(octets), octets)


def wild(seed: int, count: int) -> list[tuple[int, bytes]]:
    """`count` commands, each with the number of one of three clients."""
    choose = random.Random(seed)
    return [(choose.randrange(3), choose.choice(WILD)) for _ in range(count)]
