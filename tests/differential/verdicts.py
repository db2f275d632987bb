"""Where popbridge and Dovecot differ, judged by the RFCs: one entry for each cause.

A name is an item, or the beginning of items where an asterisk ends it. The test fails on a
difference that no entry has, and on an entry that no longer differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Items = Mapping[str, tuple[str, ...]]
"""Items by message."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why items differ: what is done, the rule that it keeps or breaks, and the items."""

    what: str
    rule: str
    items: Items


VERDICTS: tuple[Cause, ...] = (
    Cause(
        "a Content-Type that can't be read is text/plain; Dovecot shows empty words and "
        "doesn't search it",
        "RFC 2045 §5.2: US-ASCII text is the default recommended where the field is "
        "syntactically invalid",
        {
            "boundary parameter: no semicolon": ("1 parameters", "1 type", "SEARCH BODY*"),
            "boundary parameter: comma for semicolon": ("1 parameters", "1 type", "SEARCH BODY*"),
            "boundary parameter: subtype missing": ("1 parameters", "1 type", "SEARCH BODY*"),
            "boundary parameter: subtype empty": ("1 parameters", "1 type", "SEARCH BODY*"),
            "embedded: message without subtype": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "inner subject"',
                "SEARCH BODY*",
            ),
            "digest: with a part of a broken type": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "inner subject"',
                "SEARCH BODY*",
            ),
            "digest: with a part of an empty type": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "inner subject"',
                "SEARCH BODY*",
            ),
            "content type: empty": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: a space": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: one word": ("1 type", 'SEARCH TEXT "hello"', "SEARCH BODY*"),
            "content type: slash only": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: no subtype": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: no type": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: semicolon only": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: parameter only": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: parameter behind a semicolon only": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: three words": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: quoted": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: garbage": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: space in the subtype": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content type: comma list": (
                "1 parameters",
                "1 type",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "content field: type twice and the first broken": ("1 parameters", "1 type"),
            "mutation 002: octets put in": ("2.1 parameters", "2.1 type"),
            "mutation 023: octets put in": ("1.1 parameters", "1.1 type"),
            "mutation 046: octets put in": ("2.1 parameters", "2.1 type"),
            "mutation 069: octets put in": ("1 parameters", "1 type", "SEARCH BODY*"),
            "mutation 076: cut": ("1 parameters", "1 type"),
        },
    ),
    Cause(
        "a multipart without a boundary or a part is text/plain, with all its octets; Dovecot"
        " hides them",
        "RFC 2046 §5.1.1: multipart requires the boundary parameter and at least one part; "
        "RFC 2045 §5.2: an invalid field means text",
        {
            "boundary parameter: missing": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
                "SEARCH BODY*",
            ),
            "boundary parameter: empty": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH BODY "html"',
                "parts",
            ),
            "boundary parameter: empty and unquoted": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH BODY "html"',
                "parts",
            ),
            "boundary nesting: inner multipart without boundary": (
                "1 parameters",
                "1 type",
                "parts",
                "SEARCH BODY*",
            ),
            "embedded: truncated multipart inside": ("BODY[1.1.MIME]", "parts"),
            "embedded: truncated multipart inside a multipart": ("BODY[1.1.MIME]", "parts"),
            "content type: multipart without boundary": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH TEXT "hello"',
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 004: a line lost": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH TEXT "boundary"',
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 013: a line lost": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH TEXT "boundary"',
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 017: cut": ("BODY[2.1.MIME]", "parts"),
            "mutation 034: octets put in": (
                "1 parameters",
                "1 type",
                'SEARCH BODY "html"',
                "parts",
            ),
            "mutation 060: octets put in": ("2.1 lines", "BODY[2.1.MIME]", "BODY[2.1]", "parts"),
            "mutation 072: octets put in": ("1.1 lines", "BODY[1.1.MIME]", "BODY[1.1]", "parts"),
            "mutation 084: octets put in": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 097: two lines swapped": (
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH TEXT "boundary"',
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 106: cut": ("1 parameters", "1 type", "parts"),
            "boundary parameter: duplicate where the second one is used": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                "SEARCH BODY*",
            ),
            "boundary parameter: case differs from the lines": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                "SEARCH BODY*",
            ),
            "boundary parameter: wrong": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                "SEARCH BODY*",
            ),
            "boundary line: only the opening delimiter without line end": (
                "parts",
                "BODY[1.MIME]",
                "BODY[1]",
            ),
            "boundary line: only the closing delimiter": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
            ),
            "boundary line: no delimiter at all": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH BODY "two"',
            ),
            "boundary line: empty body": ("parts", "BODY[1.MIME]"),
            "boundary nesting: inner multipart without parts": ("parts", "1 parameters", "1 type"),
            "boundary nesting: inner multipart empty": ("parts", "1 parameters", "1 type"),
            "shape: no part but preamble": (
                "parts",
                "1 lines",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH BODY "preamble"',
            ),
            "content field: MD5 on a multipart": (
                "parts",
                "1 lines",
                "1 md5",
                "BODY[1.MIME]",
                "BODY[1]",
                'SEARCH TEXT "hello"',
                "SEARCH BODY*",
            ),
            "mutation 026: cut": ("parts", "BODY[2.1.MIME]", "BODY[2.1]"),
            "mutation 074: two lines swapped": ("parts", "BODY[2.1.MIME]"),
        },
    ),
    Cause(
        "white space at the end of a boundary isn't part of it",
        "RFC 2046 §5.1.1: a boundary doesn't end in white space, and lines may have some added",
        {
            "boundary parameter: trailing space in quotes": (
                "BODY[1]",
                "parts",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
        },
    ),
    Cause(
        "a long boundary is compared whole; Dovecot cuts it and so misses the closing delimiter",
        "RFC 2046 §5.1.1: the closing delimiter is the boundary's value between dashes",
        {
            "boundary parameter: 200 octets": ("parts", "whole parts"),
            "boundary parameter: 900 octets": ("parts", "whole parts"),
        },
    ),
    Cause(
        "an extended boundary parameter counts",
        "RFC 2231 §4: the asterisk marks charset and language, which aren't part of the value",
        {
            "boundary parameter: RFC 2231 with charset": (
                "BODY[1]",
                "parts",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
            "boundary parameter: RFC 2231 percent encoded": (
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
                "whole parts",
                "SEARCH BODY*",
            ),
            "boundary parameter: RFC 2231 continued and encoded": (
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
                "whole parts",
                "SEARCH BODY*",
            ),
        },
    ),
    Cause(
        "of continuations those that follow from 0 without a gap are joined, the first of "
        "each number",
        "RFC 2231 §3: sections are numbered from 0 without gaps; other pieces belong to no value",
        {
            "parameter: RFC 2231 continued with a gap": ("1 parameters",),
            "parameter: RFC 2231 continued twice": ("1 parameters",),
        },
    ),
    Cause(
        "what is behind broken syntax is read; Dovecot drops the whole parameter or cuts it",
        "RFC 2045 §5.2: the default for invalid fields is a recommendation, as the sender's "
        "intent may have been otherwise",
        {
            "boundary parameter: comment that does not end": (
                "BODY[1]",
                "parts",
                "whole parameters",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
            "boundary parameter: quote not closed": (
                "BODY[1]",
                "parts",
                "whole parameters",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
            "boundary parameter: two semicolons": (
                "BODY[1]",
                "parts",
                "whole parameters",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
            "boundary parameter: slash unquoted": ("parts", "whole parameters", "whole parts"),
            "boundary parameter: colon unquoted": ("parts", "whole parameters", "whole parts"),
            "boundary parameter: question mark unquoted": (
                "parts",
                "whole parameters",
                "whole parts",
            ),
            "boundary parameter: parameter without value before it": (
                "BODY[1]",
                "parts",
                "whole parameters",
                "whole parts",
                "SEARCH BODY*",
                "BODY[1.MIME]",
            ),
            "parameter: unclosed quote": ("1 parameters",),
            "parameter: slash unquoted": ("1 parameters",),
            "parameter: special characters unquoted": ("1 parameters",),
            "parameter: backslash unquoted": ("1 parameters",),
            "mutation 005: octets put in": (
                "1 parameters",
                "1 type",
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
                "SEARCH BODY*",
            ),
            "mutation 083: octets put in": (
                "2.1 parameters",
                "2.1 type",
                "BODY[2.1.MIME]",
                "BODY[2.1]",
                "parts",
            ),
            "mutation 087: cut": ("3 parameters",),
            "mutation 094: octets lost": (
                "1 parameters",
                "1 type",
                "BODY[1.MIME]",
                "BODY[1]",
                "parts",
            ),
        },
    ),
    Cause(
        "a parameter without a value or without a name is none",
        "RFC 2045 §5.1: attribute and value are tokens of at least one character",
        {
            "parameter: empty": ("1 parameters",),
            "parameter: empty before another": ("1 parameters",),
            "parameter: no name": ("1 parameters",),
        },
    ),
    Cause(
        "a disposition without its type is an attachment, as a file name is never lost; NIL "
        "if it says nothing",
        "RFC 2183 §2: the disposition-type is required; §2.8: what isn't known is an attachment",
        {
            "content field: disposition empty": ("1 disposition",),
            "content field: disposition parameter behind a semicolon only": ("1 disposition",),
            "content field: disposition quoted": ("1 disposition",),
        },
    ),
    Cause(
        "of a field that may stand once the first counts; Dovecot takes the last or joins them",
        "RFC 5322 §3.6, §4.5: only destination fields (§4.5.3) are to be joined, the rest is "
        "unspecified",
        {
            "content field: disposition twice": ("1 disposition",),
            "subject: twice": ("ENVELOPE subject",),
            "header: From twice": ("ENVELOPE from",),
            "header: Date twice": ("ENVELOPE date",),
            "header: Message-ID twice": ("ENVELOPE message-id",),
            "header: Sender twice": ("ENVELOPE sender",),
            "header: Reply-To twice": ("ENVELOPE reply-to",),
            "header: In-Reply-To twice": ("ENVELOPE in-reply-to",),
            "mutation 021: a line twice": ("ENVELOPE reply-to",),
            "mutation 022: a line twice": ("2 envelope from",),
        },
    ),
    Cause(
        "unfolding takes away the CRLF and nothing else; Dovecot turns runs of white space "
        "into one space",
        "RFC 5322 §2.2.3",
        {
            "subject: many spaces": ("ENVELOPE subject", "SEARCH SUBJECT*"),
            "subject: tab": ("ENVELOPE subject",),
            "subject: folded": ("ENVELOPE subject",),
            "subject: folded with a blank fold": ("ENVELOPE subject",),
            "subject: folded with trailing space": ("ENVELOPE subject",),
            "line: bare CR ends the header": ("ENVELOPE subject",),
            "mutation 039: octets put in": ("2 envelope subject",),
        },
    ),
    Cause(
        "white space between the colon and the value isn't part of it, folded or not",
        "RFC 5322 §3.6.4, §3.3: it is CFWS before the first token",
        {
            "content field: id folded": ("1 id",),
            "header: everything folded": ("ENVELOPE date", "ENVELOPE message-id"),
        },
    ),
    Cause(
        "NUL goes as the same octet as in BODY[HEADER]",
        "RFC 3501 §9 CHAR8: no NUL may be sent; RFC 3501 doesn't name a replacement",
        {
            "header: NUL in a value": ("ENVELOPE subject",),
        },
    ),
    Cause(
        "CR without LF stays where it is; Dovecot drops one",
        "RFC 3501 §6.3.11: the literal is appended as a message; RFC 5322 §2.2.3: only CRLF "
        "before white space is a fold",
        {
            "line: body is one CR": ("RFC822.SIZE", "BODY[*"),
            "line: CR CR LF": ("RFC822.SIZE", "BODY[*"),
            "line: LF CR": ("BODY[*",),
        },
    ),
    Cause(
        "empty elements of a language list are passed over, quotes taken off",
        "RFC 2045 §5.1, RFC 3282 §2: the list has tags between commas; what stands there is "
        "still said",
        {
            "content field: language with empty elements": ("1 language",),
            "content field: language quoted": ("1 language",),
        },
    ),
    Cause(
        "the CRLF before a delimiter isn't part of the embedded message; Dovecot counts it, "
        "though not in its parts",
        "RFC 2046 §5.1.1: it belongs to the delimiter",
        {
            "boundary nesting: outer delimiter inside an inner header": ("BODY[1]",),
            "embedded: nothing at all in a multipart": ("1 lines", "BODY[1]"),
            "embedded: header only in a multipart": (
                "1 lines",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
                "BODY[1]",
            ),
            "embedded: header and blank line in a multipart": ("1 lines", "BODY[1]"),
            "embedded: text without header in a multipart": ("1 lines", "BODY[1]"),
            "embedded: base64 in a multipart": ("1 lines", "BODY[1]"),
            "embedded: quoted-printable": ("1.1 lines",),
            "embedded: unknown encoding": ("1.1 lines",),
            "embedded: truncated multipart inside a multipart": (
                "1 lines",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
                "BODY[1]",
            ),
            "digest: with a part of a blank line": ("1 lines", "BODY[1]"),
            "digest: encoded part": ("1 lines", "BODY[1]"),
            "mutation 010: two lines swapped": ("2 lines", "BODY[2.TEXT]", "BODY[2]"),
            "mutation 018: octets lost": ("BODY[1]",),
            "mutation 074: two lines swapped": ("2 lines", "BODY[2]"),
        },
    ),
    Cause(
        "obsolete and quoted local parts and domains are read; Dovecot gives up",
        "RFC 5322 §4.4 obs-local-part, obs-domain; §3.2.2: only white space in the text is a space",
        {
            "address: quotes touch": ("ENVELOPE from", 'SEARCH FROM "Ann Smith"'),
            "address: quoted piece of a local part": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: spaces around dots": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: dots in a row": ("ENVELOPE from",),
            "address: dot at the end of the domain": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: route with empty elements": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
        },
    ),
    Cause(
        "an empty element is no address; Dovecot shows one of made-up words",
        "RFC 5322 §4.4 obs-mbox-list: elements may be empty",
        {
            "address: empty angles": ("ENVELOPE from",),
            "address: only a comma": ("ENVELOPE from",),
            "address: only a semicolon": ("ENVELOPE from",),
            "address: only a quote": ("ENVELOPE from",),
            "address list: empty elements": ("ENVELOPE to",),
            "address list: group with empty elements": ("ENVELOPE to",),
            "address list: unbalanced parenthesis in the middle": ("ENVELOPE to",),
        },
    ),
    Cause(
        "a comment behind the address is its name where no phrase is",
        "RFC 5322 §3.4: the name as a comment following the addr-spec",
        {
            "address: comment behind angles": ("ENVELOPE from", "SEARCH FROM*"),
        },
    ),
    Cause(
        "broken syntax loses no address; Dovecot drops it, or ends the list there",
        "RFC 3501 §7.4.2: the server parses the field into the structure; how broken ones are"
        " read is left open",
        {
            "header: NUL in a value": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: comment not closed": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: quoted name not closed": ("ENVELOPE from", "SEARCH FROM*"),
            "address: at sign in the name": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: empty local part": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: domain literal not closed": ("ENVELOPE from",),
            "address: two at signs": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: angle not closed": ("ENVELOPE from", 'SEARCH FROM "example.org"'),
            "address: mailto": ("ENVELOPE from", "SEARCH FROM*"),
            "address: semicolon in the name": ("ENVELOPE from", "SEARCH FROM*"),
            "address: backslash in the name": ("ENVELOPE from", "SEARCH FROM*"),
            "address: brackets in the name": ("ENVELOPE from", "SEARCH FROM*"),
            "address: control character": ("ENVELOPE from", "SEARCH FROM*"),
            "address: NUL": ("ENVELOPE from", "SEARCH FROM*"),
            "address: only an angle": ("ENVELOPE from",),
            "address: only a backslash": ("ENVELOPE from",),
            "address list: semicolons between": ("ENVELOPE to", 'SEARCH TO "c@z"'),
            "address list: group and address without a comma": ("ENVELOPE to", 'SEARCH TO "c@z"'),
            "address list: unbalanced quote in the middle": ("ENVELOPE to", 'SEARCH TO "c@z"'),
            "mutation 002: octets put in": ("ENVELOPE reply-to",),
            "mutation 009: octets put in": ("ENVELOPE reply-to",),
            "mutation 019: cut": ("ENVELOPE cc",),
            "mutation 023: octets put in": ("ENVELOPE cc",),
            "mutation 029: cut": ("ENVELOPE cc",),
            "mutation 039: octets put in": ("ENVELOPE cc",),
            "mutation 045: octets put in": ("1 envelope from",),
            "mutation 049: octets lost": ("ENVELOPE cc",),
            "mutation 105: octets lost": ("2 envelope from",),
            "address: name and address without angles": (
                'SEARCH FROM "example.org"',
                "ENVELOPE from",
            ),
            "address: angles in angles": ('SEARCH FROM "example.org"', "ENVELOPE from"),
            "address: text behind the angles": ('SEARCH FROM "SMITH"',),
            "address: comment inside the address": ('SEARCH FROM "(who)"',),
            "address: latin-1 name": ('SEARCH FROM "änn"',),
            "address list: unbalanced parenthesis in the middle": ('SEARCH TO "c@z"',),
            "address: two pairs of angles": ("ENVELOPE from",),
            "address list: spaces between": ("ENVELOPE to",),
            "address list: spaces between angles": ("ENVELOPE to",),
            "address list: group in a group": ("ENVELOPE to",),
            "address: comment in front": ('SEARCH FROM "Ann Smith"', 'SEARCH FROM "SMITH"'),
        },
    ),
    Cause(
        "an encoded message isn't opened: its octets are shown as its text, and searched decoded",
        "RFC 2046 §5.2.1: message/rfc822 has no encoding but 7bit, 8bit, binary; RFC 2045 §6.4",
        {
            "embedded: base64": (
                "BODY[*",
                "1.1 encoding",
                "1.1 lines",
                'SEARCH BODY "inner"',
                'SEARCH BODY "inner text"',
                'SEARCH TEXT "inner subject"',
            ),
            "embedded: base64 in a multipart": (
                "BODY[*",
                "1.1 encoding",
                "1.1 lines",
                'SEARCH BODY "inner"',
                'SEARCH BODY "inner text"',
                'SEARCH TEXT "inner subject"',
            ),
            "embedded: quoted-printable": (
                "1 envelope date",
                "1 envelope from",
                "1 envelope subject",
                "BODY[*",
                "1.1 encoding",
            ),
            "embedded: unknown encoding": (
                "1 envelope date",
                "1 envelope from",
                "1 envelope subject",
                "BODY[*",
                "1.1 encoding",
            ),
            "digest: encoded part": (
                "BODY[*",
                "1.1 encoding",
                "1.1 lines",
                'SEARCH BODY "inner"',
                'SEARCH BODY "inner text"',
                'SEARCH TEXT "inner subject"',
            ),
        },
    ),
    Cause(
        "the encoding is the token that the field begins with",
        "RFC 2045 §6.1: one mechanism token; what is behind it isn't",
        {
            "encoding: base64 with a semicolon": ("1 encoding",),
            "mutation 034: octets put in": ("3 encoding",),
        },
    ),
    Cause(
        "years of two and three digits and before 1970 are years; Dovecot can't hold them",
        "RFC 5322 §4.3: 50 to 99 and three digits add 1900; RFC 3501 §6.4.4 SENTBEFORE "
        "compares dates",
        {
            "date: two-digit year 69": ("SEARCH SENT*",),
            "date: two-digit year 50": ("SEARCH SENT*",),
            "date: year 1": ("SEARCH SENT*",),
            "date: year 1899": ("SEARCH SENT*",),
            "date: year 1969": ("SEARCH SENT*",),
            "date: three-digit year": ("SEARCH SENT*",),
        },
    ),
    Cause(
        "a date in a near miss of the syntax is read; dots for colons aren't",
        "RFC 3501 §6.4.4 SENTON: the Date field's date; RFC 5322 §3.3: time-of-day has colons",
        {
            "date: long weekday": ("SEARCH SENT*",),
            "date: no comma": ("SEARCH SENT*",),
            "date: comment not closed": ("SEARCH SENT*",),
            "date: dashes": ("SEARCH SENT*",),
            "date: dots in the time": ("SEARCH SENT*",),
            "date: quoted": ("SEARCH SENT*",),
        },
    ),
    Cause(
        "unlabelled or wrongly labelled octets are searched as what they most likely are",
        "RFC 3501 §6.4.4: strings match in the charset; RFC 2231 §5 (language), RFC 2045 §6.8"
        " (octets to ignore)",
        {
            "header: raw 8-bit everywhere": ('SEARCH FROM "änn"',),
            "subject: latin-1": ('SEARCH TEXT "café"', "SEARCH SUBJECT*"),
            "subject: word of unknown charset": ('SEARCH TEXT "café"', "SEARCH SUBJECT*"),
            "subject: word with language": ('SEARCH TEXT "café"', "SEARCH SUBJECT*"),
            "subject: word with broken base64": ('SEARCH TEXT "café"', "SEARCH SUBJECT*"),
            "encoding: base64 with garbage": ('SEARCH BODY "straße"', 'SEARCH TEXT "straße"'),
            "encoding: 8-bit misspelt": ('SEARCH TEXT "straße"', "SEARCH BODY*"),
            "charset: us-ascii with 8-bit": ('SEARCH BODY "straße"', 'SEARCH TEXT "straße"'),
            "charset: empty": ('SEARCH BODY "straße"', 'SEARCH TEXT "straße"'),
            "line: all octets": ('SEARCH BODY "€"',),
            "charset: latin-1 with Windows octets": ('SEARCH BODY "€"',),
            "mutation 063: octets put in": ('SEARCH BODY "€"',),
            "mutation 069: octets put in": ('SEARCH BODY "€"',),
            "mutation 084: octets put in": ('SEARCH BODY "€"',),
        },
    ),
    Cause(
        "HTML is searched as it reads, without its markup",
        "RFC 3501 §6.4.4 leaves open what of a part is its text",
        {
            "html: entities": ('SEARCH TEXT "straße"', "SEARCH BODY*"),
            "html: a word split by tags": ("SEARCH BODY*",),
            "html: script and style": ("SEARCH BODY*",),
            "html: comment": ('SEARCH BODY "commented"',),
            "html: attribute text": ('SEARCH BODY "picture"',),
            "html: folded words": ('SEARCH BODY "soft wrapped"',),
        },
    ),
    Cause(
        "header data ends with a blank line where the header has one, and only there; Dovecot"
        " always adds one to HEADER.FIELDS",
        "RFC 3501 §7.4.2: the blank line is included except of a message which has no body "
        "and no blank line; RFC 2046 §5.1.1: one before a delimiter is the delimiter's",
        {
            "embedded: empty in a multipart": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "embedded: nothing at all in a multipart": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "embedded: header only in a multipart": ("BODY[1.HEADER.FIELDS (SUBJECT FROM)]",),
            "embedded: header and blank line in a multipart": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "embedded: text without header in a multipart": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "embedded: truncated multipart inside a multipart": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
            ),
            "digest: with an empty part": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "digest: with a part of a blank line": (
                "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "header: only": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "header: only and without line end": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "header: one field without line end": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "header: body only": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "header: one octet": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "header: blank line is a tab": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "line: bare CR ends the header": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 019: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 024: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 025: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 029: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 040: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 041: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 047: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 061: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 062: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 074: two lines swapped": (
                "BODY[2.HEADER.FIELDS (SUBJECT FROM)]",
                "BODY[2.HEADER.FIELDS.NOT (SUBJECT FROM)]",
            ),
            "mutation 082: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 089: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
            "mutation 093: cut": (
                "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
                "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
            ),
        },
    ),
    Cause(
        "characters cut in two by encoded words are put together",
        "RFC 2047 §6.2: adjacent words are shown as one text; that senders mustn't cut (§5) "
        "doesn't help who searches",
        {
            "subject: character split over words": ('SEARCH TEXT "café"', "SEARCH SUBJECT*"),
        },
    ),
    Cause(
        "HEADER finds a name as it reads, comments and white space folded",
        "RFC 5322 §3.2.2: a run of white space and comments means one space",
        {
            "address: comment in the name": ('SEARCH HEADER From "Ann Smith"',),
            "address: many spaces": ('SEARCH HEADER From "Ann Smith"',),
            "address: tab in the name": ('SEARCH HEADER From "Ann Smith"',),
        },
    ),
)
"""popbridge is right."""

KNOWN_BUGS: tuple[Cause, ...] = ()
"""popbridge is wrong; to be emptied by fixing it."""
