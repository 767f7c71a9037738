"""A small set of combinations in which every pair of values of any two factors occurs."""


def pairwise(sizes, prime=11):
    """Rows of numbers below sizes, prime * prime of them. sizes: at most prime + 1 factors, each at most prime.

    Row (a, b) has a in the first column and a * i + b (mod prime) in the others: of any two columns it has each pair
    of values once. A factor with fewer values uses some of them more often, and loses no pair.
    """
    assert len(sizes) <= prime + 1 and max(sizes) <= prime
    return [tuple((a if i == 0 else a * i + b) % prime % size for i, size in enumerate(sizes))
        for a in range(prime) for b in range(prime)]


def lacks(rows, sizes):
    """Pairs that do not occur, as (factor, factor, value, value)."""
    return [(i, j, x, y) for j in range(len(sizes)) for i in range(j)
        for x in range(sizes[i]) for y in range(sizes[j])
        if not any(row[i] == x and row[j] == y for row in rows)]
