"""Recipes: a paper's figures and tables as YAML files, one each in this folder, and what carries them out."""

from linksim.recipes.reading import load, shipped, shipped_names
from linksim.recipes.recipe import Changes, Recipe
from linksim.recipes.reproduction import Reproduction, reproduce

__all__ = ["Changes", "Recipe", "Reproduction", "load", "reproduce", "shipped", "shipped_names"]
