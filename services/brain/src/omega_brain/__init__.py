"""The on-device recommender."""

import os

# Before numpy is loaded: a matrix-vector product of this size gains nothing from a second thread,
# and a TV's other core belongs to the picture.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
