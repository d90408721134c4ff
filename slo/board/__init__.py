"""Running sums of all objectives in memory: they tell whom a pass must look at closely."""

from slo.board.board import Board
from slo.board.feed import ChangeFeed

__all__ = ["Board", "ChangeFeed"]
