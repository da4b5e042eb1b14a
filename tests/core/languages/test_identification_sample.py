"""Languages of files whose language is known by the package they come from."""

import pytest
from benchmarks.identification import HELD_OUT, MANIFEST, sample, score


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.parametrize("manifest", [MANIFEST, HELD_OUT], ids=["sample", "held out"])
def test_at_least_97_percent_are_named_right(manifest: list[tuple[str, str, dict[str, str], str]]) -> None:
    files, missing = sample(manifest)
    if len(missing) > len(manifest) // 4:
        pytest.skip(f"packages cannot be had: {', '.join(missing)}")
    result = score(files)
    if manifest is MANIFEST:
        assert result.files >= 2000
        assert result.languages >= 25
        assert result.shared_files >= 1000
    assert result.right / result.files >= 0.97, result.wrong.most_common(20)
    assert result.shared_right / result.shared_files >= 0.97, result.wrong.most_common(20)
