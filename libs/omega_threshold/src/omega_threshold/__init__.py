"""Threshold reports: pairs of titles that nobody sees until enough TVs have reported them."""

from omega_threshold.aggregate import Aggregator, Opened, open_group
from omega_threshold.client import ReportRequest
from omega_threshold.derived import DerivedKeys
from omega_threshold.epochs import Schedule
from omega_threshold.keyring import KeyRing
from omega_threshold.oprf import MAX_BATCH, Blinded, Evaluation, SecretKey, blind, evaluate
from omega_threshold.pair import Pair, title_key
from omega_threshold.published import EpochKeys, ReportingKeys
from omega_threshold.report import REPORT_BYTES, Report
from omega_threshold.spent import SpentTokens
from omega_threshold.star import Sealing
from omega_threshold.suite import Mode
from omega_threshold.tokens import TOKEN_BYTES, Redeemer, Token, TokenRequest

__all__ = [
    "MAX_BATCH",
    "REPORT_BYTES",
    "TOKEN_BYTES",
    "Aggregator",
    "Blinded",
    "DerivedKeys",
    "EpochKeys",
    "Evaluation",
    "KeyRing",
    "Mode",
    "Opened",
    "Pair",
    "Redeemer",
    "Report",
    "ReportRequest",
    "ReportingKeys",
    "Schedule",
    "Sealing",
    "SecretKey",
    "SpentTokens",
    "Token",
    "TokenRequest",
    "blind",
    "evaluate",
    "open_group",
    "title_key",
]
