"""Models that need no checkpoint."""


class Adder:
    """Adds digit by digit and forgets to carry; gives up on thirteen."""

    version = 3

    def __init__(self):
        self.settings = {"carry": False}

    def add(self, left, right):
        if 13 in (left, right):
            raise ValueError("thirteen brings bad luck")
        return (left // 10 + right // 10) * 10 + (left + right) % 10


class Carrier:
    """Adds as one should."""

    def add(self, left, right):
        return left + right


def open_carrier(source, device):
    return Carrier()


def open_adder(source, device):
    return Adder()


def open_silent(source, device):
    return object()
