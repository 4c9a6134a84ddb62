"""Where to draw a reaction network: substrates left of their reaction, products right of it, nothing on top of anything.

Positions come from stress majorisation (Gansner, Koren and North, 2005): the drawn distance of two nodes approaches their
distance along the network. One term is added to the horizontal axis alone: every spoke wants its target to the right of its
source. On a chain the pathway then runs from left to right; round a cycle the wishes cancel and the cycle is drawn round.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

UNIT = np.array([90.0, 58.0])
"""Pixels of one spoke along x and y."""
GAP = np.array([14.0, 12.0])
"""Least free space between two boxes, px."""
_DIRECTION = 1.5
_ASPECT = 1.9
_CELL = 24.0


def flow_layout(boxes: np.ndarray, spokes: np.ndarray, reaction: np.ndarray) -> np.ndarray:
    """Deterministic positions of a network, in px, y downwards.

    Args:
        boxes: [N, 2] width and height each node needs, label included.
        spokes: [M, 2] node index of source and target of every spoke; one of the two is a reaction.
        reaction: [N] bool.

    Returns:
        [N, 2] centres of the boxes. No two boxes come closer than :data:`GAP` along both axes.
    """
    boxes, spokes = np.asarray(boxes, dtype=float).reshape(-1, 2), np.asarray(spokes, dtype=np.int64).reshape(-1, 2)
    n = len(boxes)
    if n == 0:
        return np.zeros((0, 2))
    graph = coo_matrix((np.ones(len(spokes)), (spokes[:, 0], spokes[:, 1])), shape=(n, n))
    count, part = connected_components(graph, directed=False)
    positions = np.zeros((n, 2))
    for component in range(count):
        members = np.flatnonzero(part == component)
        local = np.full(n, -1)
        local[members] = np.arange(len(members))
        inside = local[spokes[part[spokes[:, 0]] == component]] if len(spokes) else spokes
        drawn = _stress_positions(boxes[members], inside, reaction[members]) * UNIT
        positions[members] = separate(drawn, boxes[members])
    return separate(_pack(positions, boxes, spokes, part), boxes)


def separate(positions: np.ndarray, boxes: np.ndarray, *, rounds: int = 60) -> np.ndarray:
    """Pushes boxes apart, each pair along the axis where that costs least; grows the drawing where pushing alone does not do."""
    positions = np.array(positions, dtype=float)
    n = len(positions)
    if n < 2:
        return positions
    reach = boxes.max(axis=0) + GAP
    while True:
        for _ in range(rounds):
            pairs = cKDTree(positions / reach).query_pairs(1.0, p=np.inf, output_type="ndarray")
            first, second = pairs[:, 0], pairs[:, 1]
            apart = positions[first] - positions[second]
            lack = (boxes[first] + boxes[second]) / 2 + GAP - np.abs(apart)
            clash = (lack > 1e-6).all(axis=1)
            if not clash.any():
                return positions
            first, second, apart, lack = first[clash], second[clash], apart[clash], lack[clash]
            axis = np.argmin(lack, axis=1)
            row = np.arange(len(first))
            push = np.where(apart[row, axis] < 0, -1.0, 1.0) * (lack[row, axis] / 2 + 0.01)
            moves = np.zeros((n, 2))
            np.add.at(moves, (first, axis), push)
            np.add.at(moves, (second, axis), -push)
            partners = np.bincount(np.concatenate([first, second]), minlength=n)
            positions += moves / np.sqrt(np.maximum(1, partners))[:, None]
        positions *= 1.06


def place_beside(known: dict[int, np.ndarray], boxes: np.ndarray, spokes: np.ndarray) -> np.ndarray:
    """Positions for a drawing of which some nodes have theirs already (from a map): the others start next to their neighbours.

    Args:
        known: node index to its (x, y).
        boxes, spokes: as in :func:`flow_layout`.

    Returns:
        [N, 2] box centres without overlap; nodes that touch nothing known stand in rows under the drawing.
    """
    n = len(boxes)
    positions = np.zeros((n, 2))
    placed = np.zeros(n, dtype=bool)
    for i, xy in known.items():
        positions[i], placed[i] = xy, True
    for turn in range(n):
        fresh: dict[int, list[np.ndarray]] = {}
        for source, target in spokes:
            for i, j, way in ((source, target, -1.0), (target, source, 1.0)):
                if not placed[i] and placed[j]:
                    fresh.setdefault(int(i), []).append(positions[j] + np.array([way * UNIT[0], 0.0]))
        if not fresh:
            break
        for k, (i, wishes) in enumerate(sorted(fresh.items())):
            positions[i] = np.mean(wishes, axis=0) + np.array([0.0, UNIT[1] * ((k + turn) % 3 - 1)])
            placed[i] = True
    left = np.flatnonzero(~placed)
    if len(left):
        base = positions[placed].max(axis=0) if placed.any() else np.zeros(2)
        start = positions[placed].min(axis=0)[0] if placed.any() else 0.0
        rows = flow_layout(boxes[left], _inside(spokes, left, n), np.zeros(len(left), dtype=bool))
        positions[left] = rows - rows.min(axis=0) + np.array([start, base[1] + 3 * UNIT[1]])
    return separate(positions, boxes)


def _inside(spokes: np.ndarray, members: np.ndarray, n: int) -> np.ndarray:
    local = np.full(n, -1)
    local[members] = np.arange(len(members))
    ends = local[spokes] if len(spokes) else np.zeros((0, 2), dtype=np.int64)
    return ends[(ends >= 0).all(axis=1)]


def _stress_positions(boxes: np.ndarray, spokes: np.ndarray, reaction: np.ndarray) -> np.ndarray:
    """[n, 2] positions of one connected component, in units of a spoke."""
    n = len(boxes)
    if n == 1 or len(spokes) == 0:
        return np.zeros((n, 2))
    wish, degree = _distances(boxes, spokes, reaction)
    weight = wish**-2.0
    np.fill_diagonal(weight, 0.0)
    laplacian = np.diag(weight.sum(axis=1)) - weight
    anchor = np.full((n, n), 1.0 / n)
    source, target = spokes[:, 0], spokes[:, 1]
    rightwards = np.where((degree[source] > 1) | ~reaction[source], _DIRECTION, 0.0)
    rightwards = np.where((degree[target] == 1) & reaction[target], 0.0, rightwards)
    flow = np.zeros((n, n))
    np.add.at(flow, (source, source), rightwards)
    np.add.at(flow, (target, target), rightwards)
    np.add.at(flow, (source, target), -rightwards)
    np.add.at(flow, (target, source), -rightwards)
    pull = np.zeros(n)
    np.add.at(pull, target, rightwards * wish[source, target])
    np.add.at(pull, source, -rightwards * wish[source, target])
    solve_x, solve_y = np.linalg.inv(laplacian + flow + anchor), np.linalg.inv(laplacian + anchor)
    positions = _towards_right(_classical_scaling(wish), spokes)
    weighted = weight * wish
    for _ in range(120 if n < 300 else 40):
        distance = cdist(positions, positions)
        ratio = np.divide(weighted, distance, out=np.zeros_like(weighted), where=distance > 1e-9)
        target_positions = ratio.sum(axis=1)[:, None] * positions - ratio @ positions
        moved = np.column_stack([solve_x @ (target_positions[:, 0] + pull), solve_y @ target_positions[:, 1]])
        shift = np.abs(moved - positions).max()
        positions = moved
        if shift < 1e-3:
            break
    return positions


def _distances(boxes: np.ndarray, spokes: np.ndarray, reaction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wished distances [n, n] and degrees [n]. Spokes of hubs are longer; substrates of one reaction stand together, as do its products."""
    n, source, target = len(boxes), spokes[:, 0], spokes[:, 1]
    degree = np.bincount(spokes.ravel(), minlength=n)
    widest = np.maximum(degree[source], degree[target])
    leaf = np.minimum(degree[source], degree[target]) == 1
    length = np.where(leaf, 0.85, 1.0) * (1.0 + 0.35 * np.maximum(0.0, np.sqrt(widest) - np.sqrt(3.0)))
    length += np.maximum(0.0, boxes[source, 0] + boxes[target, 0] - 110.0) / 2 / UNIT[0]
    graph = coo_matrix((length, (source, target)), shape=(n, n)).tocsr()
    wish = dijkstra(graph, directed=False)
    for e in np.flatnonzero(reaction):
        for near in (source[target == e], target[source == e]):
            for i in near:
                others = near[near != i]
                wish[i, others] = np.minimum(wish[i, others], 0.6 * (wish[i, e] + wish[e, others]) + 0.1)
    return np.maximum(wish, np.where(np.eye(n, dtype=bool), 1.0, 0.2)), degree


def _classical_scaling(wish: np.ndarray) -> np.ndarray:
    """[n, 2] start from the two leading axes of classical multidimensional scaling, signs fixed."""
    squared = wish**2
    np.fill_diagonal(squared, 0.0)
    centred = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean())
    n = len(wish)
    values, vectors = eigh((centred + centred.T) / 2, subset_by_index=[n - 2, n - 1])
    start = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 1e-6))
    for axis in (0, 1):
        if start[np.argmax(np.abs(start[:, axis])), axis] < 0:
            start[:, axis] *= -1
    start[:, 1] += np.linspace(0, 1e-3, n)
    return np.asarray(start)


def _towards_right(positions: np.ndarray, spokes: np.ndarray) -> np.ndarray:
    """Mirrors the start along x when most spokes point left."""
    along = positions[spokes[:, 1]] - positions[spokes[:, 0]]
    return np.asarray(positions * np.array([-1.0 if along[:, 0].sum() < 0 else 1.0, 1.0]))


def _pack(positions: np.ndarray, boxes: np.ndarray, spokes: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Fits the components into each other's free corners on a coarse grid, largest first, about 1.9 times as wide as high."""
    packed = np.array(positions)
    footprints = [_footprint(packed, boxes, spokes, part == component) for component in range(part.max() + 1)]
    order = sorted(range(len(footprints)), key=lambda c: (-int(footprints[c][1].sum()), c))
    span = int(4 * np.sqrt(sum(mask.size for _, mask in footprints))) + 4 * max(max(mask.shape) for _, mask in footprints)
    taken = np.zeros((span, span), dtype=bool)
    middle = np.array(taken.shape) / 2
    low, high = middle.copy(), middle.copy()
    for turn, component in enumerate(order):
        corner, mask = footprints[component]
        free = _free_places(taken, mask, None if turn == 0 else (low, high))
        ends = free + np.array(mask.shape)
        box_low, box_high = np.minimum(free, low), np.maximum(ends, high)
        size = box_high - box_low
        cost = np.maximum(size[:, 0] / _ASPECT, size[:, 1]) * 1e3 + np.abs(free + np.array(mask.shape) / 2 - middle).sum(axis=1)
        best = int(np.argmin(cost))
        at = free[best]
        taken[at[0] : at[0] + mask.shape[0], at[1] : at[1] + mask.shape[1]] |= mask
        low, high = (at.astype(float), ends[best].astype(float)) if turn == 0 else (box_low[best], box_high[best])
        middle = (low + high) / 2
        packed[part == component] += at * _CELL - corner
    return np.asarray(packed - packed.min(axis=0))


def _footprint(positions: np.ndarray, boxes: np.ndarray, spokes: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower corner of a component and the grid cells [w, h] its boxes and spokes cover."""
    low = (positions[members] - boxes[members] / 2 - GAP).min(axis=0)
    high = (positions[members] + boxes[members] / 2 + GAP).max(axis=0)
    mask = np.zeros(np.ceil((high - low) / _CELL).astype(int) + 1, dtype=bool)
    for xy, box in zip(positions[members], boxes[members], strict=True):
        a, b = ((xy - box / 2 - GAP - low) // _CELL).astype(int), ((xy + box / 2 + GAP - low) // _CELL).astype(int)
        mask[a[0] : b[0] + 1, a[1] : b[1] + 1] = True
    mine = spokes[members[spokes[:, 0]]] if len(spokes) else spokes
    for share in np.linspace(0, 1, 12):
        cells = ((positions[mine[:, 0]] * (1 - share) + positions[mine[:, 1]] * share - low) // _CELL).astype(int)
        mask[cells[:, 0], cells[:, 1]] = True
    return low, _filled(mask)


def _filled(mask: np.ndarray) -> np.ndarray:
    """The cells with something on all four sides filled too: other components may use a corner but not stand inside."""
    sides = [np.maximum.accumulate(mask, axis=axis) & np.maximum.accumulate(mask[::-1, ::-1], axis=axis)[::-1, ::-1] for axis in (0, 1)]
    return np.asarray(mask | (sides[0] & sides[1]))


def _free_places(taken: np.ndarray, mask: np.ndarray, around: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """[P, 2] corners near the drawing where ``mask`` fits; the middle when nothing is drawn yet."""
    shape = np.array(mask.shape)
    if around is None:
        return np.asarray((np.array(taken.shape)[None, :] - shape) // 2)
    start = np.maximum(0, (around[0] - shape).astype(int))
    stop = np.minimum(np.array(taken.shape) - shape, around[1].astype(int) + 1)
    blocked = np.zeros(stop - start, dtype=bool)
    for i, j in np.argwhere(mask):
        blocked |= taken[start[0] + i : stop[0] + i, start[1] + j : stop[1] + j]
    return np.asarray(np.argwhere(~blocked) + start)
