"""Tests of what customers' own systems are told."""
