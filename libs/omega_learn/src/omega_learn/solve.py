"""What factors need of a large Gram matrix: its largest eigenpairs, and the diagonal of an inverse.

A full eigendecomposition takes four times the matrix in memory and most of a round's time. Here the
matrix is only read: beside it stand some hundred columns, and half of it as a Cholesky factor.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from omega_learn.arrays import DoubleArray

_BLOCK = 512
"""Rows of a block: enough for a matrix product's full speed."""
_MORE = 32
"""Columns of a block of the Krylov space beyond those that are asked for."""
_STEPS = 6
"""Blocks of that space after the first."""


def top_eigenpairs(gram: DoubleArray, count: int, scale: float) -> tuple[DoubleArray, DoubleArray]:
    """The largest eigenvalues of gram / scale, falling, (count,), and vectors, (n, count).

    Block Lanczos with full reorthogonalisation and Rayleigh-Ritz (Golub & Van Loan, Matrix
    Computations, 4th ed., 10.3; Musco & Musco 2015 for how few steps suffice). The first block is
    drawn with a fixed seed, so an equal matrix gives an equal result.

    Args:
        gram: symmetric, (n, n).
        count: at least 1, below n.
        scale: above 0; below, the eigenpairs are those of -gram / |scale|.
    """
    n = len(gram)
    width = min(count + _MORE, n)
    block = np.linalg.qr(np.random.default_rng(0).standard_normal((n, width)))[0]
    basis, images = [block], [gram @ block / scale]
    for _ in range(_STEPS):
        room = n - sum(each.shape[1] for each in basis)
        if room <= 0:
            break
        block = images[-1][:, :room].copy()
        # Once leaves what rounding brought back; of next to nothing, all of it is rounding.
        for _ in range(2):
            for each in basis:
                block -= each @ (each.T @ block)
            block = np.linalg.qr(block)[0]
        basis.append(block)
        images.append(gram @ block / scale)
    space, image = np.hstack(basis), np.hstack(images)
    values, small = np.linalg.eigh(space.T @ image)
    top = slice(None, -count - 1, -1)
    return values[top], space @ small[:, top]


def what_is_below_zero(gram: DoubleArray, count: int, scale: float) -> DoubleArray:
    """Columns B such that the most negative eigenvalues of gram / scale + B B' are 0, (n, b).

    Args:
        gram: symmetric, (n, n).
        count: most columns, at least 1, below n.
        scale: above 0.
    """
    values, vectors = top_eigenpairs(gram, count, -scale)
    below = values > 0
    return np.asarray(vectors[:, below] * np.sqrt(values[below]), np.float64)


def inverse_diagonal(
    gram: DoubleArray, lam: float, scale: float, plus: DoubleArray | None = None
) -> DoubleArray:
    """The diagonal of (gram / scale + B B' + lam I)^-1, (n,).

    With the Cholesky factor L it is the sum of squares of each column of L^-1.

    Args:
        gram: symmetric, (n, n).
        lam: above 0.
        scale: above 0.
        plus: B, (n, b); None = nothing.

    Raises:
        numpy.linalg.LinAlgError: what is inverted has an eigenvalue of 0 or below.
    """
    factor, inverses = _cholesky(gram, lam, scale, plus)
    bounds = np.array([0, *np.cumsum([len(row) for row in factor])])
    found = np.empty(len(gram))
    for j, (start, stop) in enumerate(pairwise(bounds.tolist())):
        columns = np.zeros((len(gram) - start, stop - start))
        columns[: stop - start] = inverses[j]
        for k in range(j + 1, len(factor)):
            above = slice(0, bounds[k] - start)
            sums = factor[k][:, start : bounds[k]] @ columns[above]
            columns[bounds[k] - start : bounds[k + 1] - start] = -inverses[k] @ sums
        found[start:stop] = np.square(columns).sum(axis=0)
    return found


def _cholesky(
    gram: DoubleArray, lam: float, scale: float, plus: DoubleArray | None
) -> tuple[list[DoubleArray], list[DoubleArray]]:
    """Block rows of the lower factor up to the diagonal, and inverses of its diagonal blocks."""
    factor: list[DoubleArray] = []
    inverses: list[DoubleArray] = []
    for start in range(0, len(gram), _BLOCK):
        stop = min(start + _BLOCK, len(gram))
        row = np.asarray(gram[start:stop, :stop] / scale, np.float64)
        if plus is not None:
            row += plus[start:stop] @ plus[:stop].T
        row[:, start:] += lam * np.eye(stop - start)
        for j, (above, inverse) in enumerate(zip(factor, inverses, strict=True)):
            first = j * _BLOCK
            columns = slice(first, first + len(above))
            row[:, columns] -= row[:, :first] @ above[:, :first].T
            row[:, columns] = row[:, columns] @ inverse.T
        row[:, start:] -= row[:, :start] @ row[:, :start].T
        row[:, start:] = np.linalg.cholesky(row[:, start:])
        factor.append(row)
        inverses.append(np.asarray(np.linalg.inv(row[:, start:]), np.float64))
    return factor, inverses
