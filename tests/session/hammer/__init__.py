"""Random clients on one mailbox, each checking all that a client can check.

`Agent` is one client, over any `Link`; `memory` has sessions in this process whose database
answers in random order, `sockets` a real daemon; `drive` lets ten of them loose.
"""
