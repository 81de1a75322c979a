"""The same plumbing for a service on an event loop: loop, chain, server, channel."""
