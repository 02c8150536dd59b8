"""Tests of `parley doctor`."""
