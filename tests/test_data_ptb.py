from hashlib import md5
from pathlib import Path

import pytest
import torch

from snnexp.data import ptb
from snnexp.data.ptb import Ptb, numbered, vocabulary, words
from snnexp.data.published import File, Published
from snnexp.data.streams import Streams, cut
from snnexp.errors import DataError, OptionError
from tests.published_files import real, write_text


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ptb, "PTB", write_text(tmp_path))
    return tmp_path


def build(root: Path, **options: object) -> Ptb:
    return Ptb(**{"root": root, "batch_size": 8, "seed": 0, "order_seed": 0, **options})  # type: ignore[arg-type]


def test_words_and_their_numbers() -> None:
    text = words(" b a \n a c \n")
    assert text == ["b", "a", "<eos>", "a", "c", "<eos>"]
    numbers = vocabulary(text)
    assert numbers == {"<eos>": 0, "a": 1, "b": 2, "c": 3}
    assert numbered(text, numbers).tolist() == [2, 1, 0, 1, 3, 0]
    with pytest.raises(DataError, match="the word 'd' does not occur"):
        numbered(["a", "d"], numbers)


@pytest.mark.parametrize(("length", "streams", "steps"), [(41, 4, 5), (43, 4, 5), (40, 4, 5), (41, 4, 10), (41, 4, 30)])
def test_streams_go_on_where_the_batch_before_ended(length: int, streams: int, steps: int) -> None:
    samples = cut(torch.arange(length), streams, steps, length)
    batches = [
        samples.__getitems__(list(range(start, start + streams)))[0] for start in range(0, len(samples), streams)
    ]
    whole = torch.cat([batch.inputs for batch in batches])
    of_one = (length - 1) // streams
    assert torch.equal(whole, torch.arange(of_one)[:, None] + of_one * torch.arange(streams))
    assert torch.equal(torch.cat([batch.targets for batch in batches]), whole + 1)
    assert all(len(batch.inputs) == steps for batch in batches[:-1])
    assert torch.equal(samples.frames(range(streams)), batches[0].inputs)


def test_the_order_is_that_of_the_text_in_every_epoch(root: Path) -> None:
    data = build(root, steps=50)
    train = data.splits.train
    assert isinstance(train, Streams)
    stored = torch.cat([batch.inputs for batch in data.loader("train")])  # type: ignore[arg-type]
    assert torch.equal(stored, train.words.t()[:-1])
    for epoch, skip in ((0, 0), (1, 0), (1, 3)):
        data.train_batches.epoch, data.train_batches.skip = epoch, skip
        read = torch.cat([batch.inputs for batch in data.train_dataloader()])
        assert torch.equal(read, stored[50 * skip :])
    assert len(data.train_dataloader()) == len(data.train_batches) == train.chunks


def test_train_samples_are_the_beginning(root: Path) -> None:
    data, whole = build(root, train_samples=24), build(root)
    assert len(data.splits.train) == 24
    assert len(list(data.train_dataloader())) == 3
    first, of_all = next(iter(data.train_dataloader())), next(iter(whole.train_dataloader()))
    assert torch.equal(first.inputs, of_all.inputs)
    with pytest.raises(OptionError, match=r"^train_samples=20: must be a multiple of batch_size \(8\)"):
        build(root, train_samples=20)


def test_moments_are_those_of_one_channel_that_is_1(root: Path) -> None:
    data = build(root)
    x_TBI = torch.nn.functional.one_hot(next(iter(data.train_dataloader())).inputs, data.inputs).double()
    assert data.input_moments() == pytest.approx((x_TBI.mean().item(), x_TBI.square().mean().item()))


def test_what_does_not_fit_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^batch_size=500: a part of the text has \d+ words only"):
        build(root, batch_size=500).setup()
    path = root / "ptb" / "ptb.valid.txt"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"ptb\.valid\.txt is not the published file \(md5 .*fetch_data\.py ptb --root"):
        build(root).setup()
    path.unlink()
    with pytest.raises(DataError, match=r"ptb\.valid\.txt cannot be read .*fetch_data\.py ptb --root"):
        build(root).setup()


def test_a_text_with_other_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b" one two \n"
    (tmp_path / "ptb").mkdir()
    names = [f"ptb.{part}.txt" for part in ("train", "valid", "test")]
    for name in names:
        (tmp_path / "ptb" / name).write_bytes(content)
    monkeypatch.setattr(ptb, "PTB", Published("ptb", (), dict.fromkeys(names, File(md5(content).hexdigest()))))
    with pytest.raises(DataError, match="has 3 different words, not 10000"):
        build(tmp_path).setup()


@pytest.mark.data
def test_real_files() -> None:
    data = build(real("ptb"), batch_size=32)
    texts = [data._words(part) for part in ("train", "valid", "test")]
    assert [len(text) for text in texts] == [929_589, 73_760, 82_430]
    numbers = vocabulary(texts[0])
    assert len(numbers) == 10_000
    assert list(numbers)[:5] == ["the", "<unk>", "<eos>", "N", "of"]
    assert texts[0][:5] == ["aer", "banknote", "berlitz", "calloway", "centrust"]
    assert [len(part) for part in data.splits] == [32 * chunks for chunks in (291, 24, 26)]
    names = list(numbers)
    first = data.splits.train.words[0, 24:32].tolist()  # type: ignore[attr-defined]
    assert [names[word] for word in first] == ["<eos>", "pierre", "<unk>", "N", "years", "old", "will", "join"]
