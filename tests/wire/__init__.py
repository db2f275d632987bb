"""What a server may send, octet by octet, from the RFCs' ABNF and nothing of `bridge`.

`grammar.parse(octets, dialect)` is for one response; `stream.Validator` watches a connection:

    validator = Validator()             # before the greeting is read
    validator.from_client(octets)       # before the server gets them, in any chunks, in clear
    validator.from_server(octets)       # what it has sent, in any chunks; the responses as values
    validator.closed()                  # the server hung up; `finish()` where only the test ends

It raises GrammarError (offset, what was expected, 60 octets around) or ProtocolViolation (the rule,
the last lines of both sides) in the caller: so call `from_server` where the test reads, not in the
server's write, which may swallow it. A harness overrides its send and its read, as `Client` in
tests/imap_harness.py does; ENABLE, STARTTLS and SELECT are followed by themselves, and
`validator.mailbox` is what a client believes of the selected mailbox. After an error it is spent.
"""
