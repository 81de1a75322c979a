"""The same service by the Connect protocol, over HTTP/1.1, HTTP/2 and HTTP/3."""
