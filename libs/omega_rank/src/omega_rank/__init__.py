"""The hybrid ranker, its reasons, and what answers when it cannot."""

from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_rank.kinds import Basis, Term
from omega_rank.model import CollectiveModel, Factors, GlobalPatterns
from omega_rank.popular import PopularRanked, PopularRanking, PopularTitle, popular
from omega_rank.quick import quick
from omega_rank.ranker import Ranked, Ranker, Ranking
from omega_rank.session import SessionBias, SessionState
from omega_rank.taste import TasteQuery
from omega_rank.timely import Timely

__all__ = [
    "Basis",
    "Catalogue",
    "CollectiveModel",
    "Factors",
    "GlobalPatterns",
    "History",
    "PopularRanked",
    "PopularRanking",
    "PopularTitle",
    "RankConfig",
    "Ranked",
    "Ranker",
    "Ranking",
    "SessionBias",
    "SessionState",
    "TasteQuery",
    "Term",
    "Timely",
    "popular",
    "quick",
]
