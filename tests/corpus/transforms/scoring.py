"""Recall and false positives of the transforms over the labelled set."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from codewright.corpus.transforms import Options, transform
from tests.corpus.transforms.labelled import Labelled

KIND_OF = {
    "password": "password",
    "url_password": "password",
    "email": "email",
    "ipv4": "ip_address",
    "ipv6": "ip_address",
}
"""Kind of label -> kind of edit; all others are keys."""


@dataclass
class Scores:
    """Per kind of label how many there are and how many were replaced; and what was replaced that nobody planted."""

    total: Counter[tuple[bool, str]] = field(default_factory=Counter)
    hit: Counter[tuple[bool, str]] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    others: list[tuple[str, str, str]] = field(default_factory=list)

    def rate(self, secret: bool) -> float:
        """Return recall of the secrets, or the share of look-alikes replaced."""
        return sum(n for key, n in self.hit.items() if key[0] is secret) / sum(
            n for key, n in self.total.items() if key[0] is secret
        )


def score(files: Iterable[Labelled]) -> Scores:
    """Transform each file; a secret is found when every character of it goes, a look-alike is hit when any does."""
    scores = Scores()
    for file in files:
        edits = transform(file.content, file.language, Options(headers=False)).edits
        used: set[int] = set()
        for label in file.planted:
            low, high = label.offset, label.offset + label.length
            over = [edit for edit in edits if edit.offset < high and edit.end > low]
            used.update(edit.offset for edit in over)
            covered = {at for edit in over for at in range(max(low, edit.offset), min(high, edit.end))}
            kinds = {edit.kind for edit in over}
            if label.secret:
                found = len(covered) == label.length and KIND_OF.get(label.kind, "key") in kinds
            else:
                found = bool(over)
            scores.total[label.secret, label.kind] += 1
            scores.hit[label.secret, label.kind] += found
            if found is not label.secret:
                line = file.content[file.content.rfind("\n", 0, low) + 1 : file.content.find("\n", high)]
                scores.wrong.append((label.kind, file.language, line))
        scores.others += [
            (file.path, edit.detector, file.content[edit.offset : edit.end])
            for edit in edits
            if edit.offset not in used
        ]
    return scores
