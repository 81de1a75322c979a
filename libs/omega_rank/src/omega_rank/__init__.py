"""The hybrid ranker and its reasons."""

from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig
from omega_rank.history import History, TasteQuery
from omega_rank.kinds import Basis, Term
from omega_rank.model import CollectiveModel, Factors, GlobalPatterns
from omega_rank.ranker import Ranked, Ranker, Ranking

__all__ = [
    "Basis",
    "Catalogue",
    "CollectiveModel",
    "Factors",
    "GlobalPatterns",
    "History",
    "RankConfig",
    "Ranked",
    "Ranker",
    "Ranking",
    "TasteQuery",
    "Term",
]
