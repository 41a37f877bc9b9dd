"""What the rest of the product may ask of a fraud service outside."""

from typing import Protocol

from domain.fraud_scores import ScoreQuestion


class FraudScorer(Protocol):
    """It judges an order by what it knows from elsewhere; what comes of its score is for the fraud rules to say."""

    async def score(self, question: ScoreQuestion) -> int:
        """From 0 (harmless) to 100 (fraud). Raises Refused, Unavailable or Unknown where there is none; asking again under the
        same key is the same question."""
        ...
