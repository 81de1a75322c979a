"""`omega k8s`: manifests that are made, not written."""
