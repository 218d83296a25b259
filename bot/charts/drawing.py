"""The picture itself: bars for each day, stacked by answer, over the weeks' adherence."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Telegram makes pictures smaller whose longer side has more pixels than 1,280.
_WIDTH, _HEIGHT, _DPI = 1080, 1280, 100

# A dark card stands on a white page and on a dark one alike.
_CARD, _INK, _FAINT, _LINE = "#1b2530", "#f2f5f7", "#aab6c2", "#38475a"
_RESPONSE, _ADHERENCE = "#46586b", "#35c49a"
_MOST_LABELS = 8
_ROOM = 0.2
_LEGEND = 32  # characters in large letters


def draw(chart: Mapping[str, Any]) -> bytes:
    """PNG of what `bot.core.figures.chart.chart_of` says."""
    with mpl.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 26,
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _FAINT,
            "ytick.color": _FAINT,
        }
    ):
        figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=_CARD)
        above, below = figure.subplots(2, 1, height_ratios=(1.15, 1))
        _draw_answers(above, chart)
        _draw_weeks(below, chart)
        figure.subplots_adjust(left=0.1, right=0.94, top=0.865, bottom=0.065, hspace=0.56)
        png = io.BytesIO()
        figure.savefig(png, format="png", facecolor=_CARD)
    return png.getvalue()


def _draw_answers(axes: Axes, chart: Mapping[str, Any]) -> None:
    bars: Sequence[Mapping[str, Any]] = chart["bars"]
    places = range(len(chart["ticks"]))
    ground = [0] * len(places)
    for bar in bars:
        axes.bar(
            places,
            bar["numbers"],
            bottom=ground,
            width=0.82,
            color=bar["colour"],
            label=bar["label"],
            edgecolor=_CARD,
            linewidth=0.8,
        )
        ground = [a + b for a, b in zip(ground, bar["numbers"], strict=True)]
    _prepare(axes, chart["title"], columns=len(bars))
    shown = [(place, tick) for place, tick in enumerate(chart["ticks"]) if tick is not None]
    axes.set_xticks([place for place, _ in shown], [tick for _, tick in shown])
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    if not any(ground):
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        _say(axes, chart["nothing"])


def _draw_weeks(axes: Axes, chart: Mapping[str, Any]) -> None:
    weeks: Sequence[Mapping[str, Any]] = chart["weeks"]
    places = range(len(weeks))
    legend = chart["weeksLegend"]
    for name, colour, width in (("responseRate", _RESPONSE, 0.84), ("adherence", _ADHERENCE, 0.6)):
        heights = [(week[name] or 0) * 100 for week in weeks]
        axes.bar(places, heights, width=width, color=colour, label=legend[name])
    _prepare(axes, chart["weeksTitle"], columns=2)
    axes.set_ylim(0, 104)
    axes.set_yticks([0, 50, 100])
    axes.set_xlim(-0.6, max(len(weeks), 3) - 0.4)
    step = -(-len(weeks) // 6)
    axes.set_xticks(list(places)[::step], [week["label"] for week in weeks][::step])
    if all(week["adherence"] is None for week in weeks):
        _say(axes, chart["nothing"])
    elif len(weeks) <= _MOST_LABELS:
        for place, week in enumerate(weeks):
            _write_share(axes, place, week)


def _write_share(axes: Axes, place: int, week: Mapping[str, Any]) -> None:
    """The week's adherence, in its bar if that is high enough, else above."""
    share = week["adherence"]
    is_inside = share is not None and share >= _ROOM
    axes.text(
        place,
        share * 100 - 3 if is_inside else (week["responseRate"] or 0) * 100 + 2,
        "–" if share is None else f"{share * 100:.0f}",
        ha="center",
        va="top" if is_inside else "bottom",
        color=_CARD if is_inside else _ADHERENCE,
        fontsize=30,
        fontweight="bold",
    )


def _prepare(axes: Axes, title: str, *, columns: int) -> None:
    axes.set_facecolor(_CARD)
    axes.set_title(title, loc="left", fontsize=34, fontweight="bold", pad=70, x=-0.08)
    _, labels = axes.get_legend_handles_labels()
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.1, 0.99),
        ncols=columns,
        frameon=False,
        fontsize=27 if sum(map(len, labels)) <= _LEGEND else 23,
        handlelength=0.8,
        handleheight=0.8,
        handletextpad=0.4,
        columnspacing=1.1,
    )
    axes.grid(axis="y", color=_LINE, linewidth=1.5)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=10)
    axes.tick_params(axis="x", labelsize=24)
    for side in axes.spines.values():
        side.set_visible(False)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=30, color=_FAINT)
