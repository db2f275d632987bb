"""`make soak`: a thousand devices that idle, two hundred mailboxes that are polled, for as long as
is asked: memory, descriptors and the reactor's lag have to stay flat."""
