"""The papers' figures, drawn from the artifacts of any run: a file per figure, and a line for each here."""

from empaste.paper_figures import choice, contexts, iterations, long_tail, space_maximize
from empaste.paper_figures.figure import PaperFigure

FIGURES: dict[str, PaperFigure] = {
    "choice": choice.FIGURE,
    "iterations": iterations.FIGURE,
    "space_maximize": space_maximize.FIGURE,
    "long_tail": long_tail.FIGURE,
    "contexts": contexts.FIGURE,
}
"""What ``empaste figures`` draws, by the name of the file."""
