"""`omega bench`: measured figures, each beside a peer or limit of the same run."""
