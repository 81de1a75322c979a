"""`omega eval`: quality measured offline, on data that lies on this machine."""
