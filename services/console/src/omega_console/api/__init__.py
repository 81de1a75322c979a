"""REST /api/v1: routes whose requests and answers are those of the gRPC contracts."""
