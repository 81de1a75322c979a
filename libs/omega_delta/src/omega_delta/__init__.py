"""Wire codecs shared by TV and constellation."""
