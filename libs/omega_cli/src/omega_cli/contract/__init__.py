"""`omega contract`: holds any server to the contracts in proto/, from outside."""
