"""The Twisted edge: transports, threads, timers."""
