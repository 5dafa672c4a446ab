#!/usr/bin/env python3
"""Computes golden.csv: the indicators of some real events, independently of the Rust code.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1
    venv/bin/python lambdas/market/tests/data/golden.py > lambdas/market/tests/data/golden.csv

Averages, VWAP, changes and drawdown: Python's decimal with 60 digits, rounded once to 15 significant digits.
Volatilities and z-scores: numpy and pandas. The window of an event is the 50 events of the file with the greatest times
strictly before its own (in the order time, sequence, id), trades and quotes mixed, as processing reads them; a second
table in the same file uses trades only.
"""

import csv
import json
import pathlib
import sys
from decimal import ROUND_HALF_EVEN, Context, Decimal, getcontext

import numpy as np
import pandas as pd

getcontext().prec = 60
ROUND_15 = Context(prec=15, rounding=ROUND_HALF_EVEN)
WINDOW = 50
YEAR = 365.25 * 86400
COLUMNS = [
    "series", "event_id", "window", "sma_20", "ema_20", "vwap", "realised_volatility", "annualised_volatility",
    "ewma_volatility", "return_zscore", "volume_zscore", "spread_bps", "drawdown", "change_previous_absolute",
    "change_previous_percent", "change_window_absolute", "change_window_percent",
]


def load():
    path = pathlib.Path(__file__).resolve().parents[4] / "tests/data/btcusdt-2021-01-08.jsonl"
    events = []
    for line in path.read_text().splitlines():
        raw = json.loads(line, parse_float=Decimal)
        event = {"id": raw["event_id"], "type": raw["event_type"], "sequence": raw.get("sequence", -1)}
        event["time"] = pd.Timestamp(raw["timestamp"])
        if raw["event_type"] == "trade":
            event["price"], event["size"] = Decimal(raw["price"]), Decimal(raw["size"])
        else:
            event["bid"], event["ask"] = Decimal(raw["bid"]), Decimal(raw["ask"])
            event["price"], event["size"] = (event["bid"] + event["ask"]) / 2, None
        events.append(event)
    return sorted(events, key=lambda event: (event["time"], event["sequence"], event["id"]))


def exact(value):
    """The text of a decimal, rounded to 15 significant digits, without trailing zeros."""
    return format(ROUND_15.plus(value).normalize(), "f")


def decimals(event, window):
    prices = [seen["price"] for seen in window] + [event["price"]]
    row = {}
    if len(prices) >= 20:
        row["sma_20"] = exact(sum(prices[-20:]) / 20)
        alpha = Decimal(2) / 21
        average = sum(prices[:20]) / 20
        for price in prices[20:]:
            average = alpha * price + (1 - alpha) * average
        row["ema_20"] = exact(average)
    deals = [seen for seen in window + [event] if seen["type"] == "trade"]
    if deals:
        row["vwap"] = exact(sum(d["price"] * d["size"] for d in deals) / sum(d["size"] for d in deals))
    if event["type"] == "quote":
        row["spread_bps"] = exact((event["ask"] - event["bid"]) / event["price"] * 10_000)
    if len(prices) > 1:
        row["drawdown"] = exact((max(prices) - prices[-1]) / max(prices))
        for name, then in (("previous", prices[-2]), ("window", prices[0])):
            row[f"change_{name}_absolute"] = exact(prices[-1] - then)
            row[f"change_{name}_percent"] = exact((prices[-1] - then) / then * 100)
    return row


def zscore(sample, value):
    if len(sample) < 10:
        return None
    sample = pd.Series(sample, dtype="float64")
    deviation = sample.std(ddof=1)
    return None if deviation <= abs(sample.mean()) * 1e-9 else (value - sample.mean()) / deviation


def statistics(event, window):
    # ln(price) with 60 digits, so that the reference has no rounding of its own before the moments.
    prices = [seen["price"] for seen in window] + [event["price"]]
    logs = [price.ln() for price in prices]
    returns = pd.Series([float(b - a) for a, b in zip(logs, logs[1:])], dtype="float64")
    row = {}
    if len(returns) >= 10:
        realised = float(np.linalg.norm(returns.to_numpy()))
        row["realised_volatility"] = realised
        seconds = (event["time"] - window[0]["time"]) / pd.Timedelta(seconds=1)
        if seconds >= 0.1:
            row["annualised_volatility"] = realised * np.sqrt(YEAR / seconds)
        row["ewma_volatility"] = np.sqrt((returns**2).ewm(alpha=0.06, adjust=False).mean().iloc[-1])
    if len(returns):
        row["return_zscore"] = zscore(returns.iloc[:-1], returns.iloc[-1])
    if event["size"] is not None:
        sizes = [float(seen["size"]) for seen in window if seen["type"] == event["type"]]
        row["volume_zscore"] = zscore(sizes, float(event["size"]))
    return {name: repr(float(value)) for name, value in row.items() if value is not None}


def rows(series, events, indexes):
    for index in indexes:
        event = events[index]
        window = [seen for seen in events[:index] if seen["time"] < event["time"]][-WINDOW:]
        row = {"series": series, "event_id": event["id"], "window": len(window)}
        yield row | decimals(event, window) | statistics(event, window)


def main():
    events = load()
    trades = [event for event in events if event["type"] == "trade"]
    writer = csv.DictWriter(sys.stdout, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows("trades", trades, [*range(0, 30), *range(30, len(trades), 37)]))
    writer.writerows(rows("mixed", events, [*range(0, 30), *range(30, len(events), 29)]))


main()
