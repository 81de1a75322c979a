"""Attacks on what a fleet's TVs send and on what the fleet gives out.

Each prints its success beside an attacker without information, in the same run. No attacker ever
holds anything of its target's true history but where a test says so.
"""
