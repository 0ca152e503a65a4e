import json
import os
import time

import pytest
from campaigns.fuzz_readers import campaign
from campaigns.targets import TARGETS, Case, case_of, from_json, read_case, to_json
from campaigns.verdicts import judged, smallest

from campaigns import fuzz_readers, targets, verdicts
from isogloss.corpus.readers import jsonl, registry

# Every format comes up more than ten times.
INPUTS = 1200


def test_every_reader_gives_a_corpus_or_an_error_that_names_the_file():
    tally = campaign(1, range(INPUTS))
    assert tally.faults == []
    total = tally.as_dict()["total"]
    assert sum(number for kind, number in total.items() if kind != "place named") == INPUTS
    assert total["read"] > INPUTS / 20
    assert all(sum(counts.values()) > 10 for counts in tally.by_target.values())


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_kind_of_input_is_sometimes_read_and_sometimes_refused(target):
    from random import Random

    rng = Random(5)
    kinds = set()
    for _ in range(150):
        kinds.add(judged(target.make(rng)).kind)
        if len(kinds) > 1:
            break
    assert "fault" not in kinds
    assert len(kinds) > 1


def spoilt(content, name="case.jsonl"):
    return Case("jsonl", {name: content})


def test_a_raw_exception_is_a_fault(monkeypatch):
    def broken(*given):
        raise KeyError("text")

    monkeypatch.setattr(jsonl, "_series", broken)
    verdict = judged(spoilt(b'{"text": "A film."}\n'))
    assert verdict.kind == "fault"
    assert "KeyError" in verdict.message


@pytest.mark.parametrize(
    ("message", "said"),
    [("it is broken", "names no file"), ("case.jsonl " + "x" * 1500 + "\x1b[2J", "")],
)
def test_a_message_must_name_the_file_and_is_made_fit_to_read(monkeypatch, message, said):
    def refusing(*given):
        raise jsonl.CorpusError(message)

    monkeypatch.setattr(jsonl, "_series", refusing)
    verdict = judged(spoilt(b'{"text": "A film."}\n'))
    assert (verdict.kind == "fault") == bool(said)
    assert said in verdict.message
    assert "\x1b" not in verdict.message


def test_a_reader_that_never_ends_is_a_fault(monkeypatch):
    def endless(*given):
        while True:
            pass

    monkeypatch.setattr(jsonl, "_series", endless)
    verdict = judged(spoilt(b'{"text": "A film."}\n'), seconds=0.05)
    assert verdict.kind == "fault"
    assert "TooSlow" in verdict.message


def test_a_corpus_that_breaks_its_promises_is_a_fault(monkeypatch):
    read = registry.FORMATS["jsonl"].read

    def shifted(path, options):
        draft = read(path, options)
        return type(draft)(draft.sentences, draft.words.with_columns(end=draft.words["end"] + 1))

    monkeypatch.setitem(registry.FORMATS, "jsonl", registry.Format(shifted, (".jsonl",)))
    assert "AssertionError" in judged(spoilt(b'{"text": "A film."}\n')).message


def test_a_case_is_the_same_every_time_and_survives_its_file(tmp_path):
    for number in range(40):
        case = case_of(3, number)
        again = from_json(to_json(case))
        assert case_of(3, number) == case
        assert again.files == case.files
        assert json.loads(json.dumps(case.options)) == again.options


def test_a_failing_input_is_made_smaller_and_fails_alike(monkeypatch):
    def broken(name, values, *given):
        if any("needle" in str(value) for value in values):
            raise KeyError(name)
        return series(name, values, *given)

    series = jsonl._series
    monkeypatch.setattr(jsonl, "_series", broken)
    case = spoilt(b'{"text": "A film."}\n' * 30 + b'{"text": "needle"}\n' + b'{"text": "More."}\n' * 30)
    cause = judged(case).cause
    least = smallest(case, cause)
    assert judged(least).cause == cause
    assert len(least.files["case.jsonl"]) < 40


def test_a_kept_case_is_read_again(tmp_path, capsys):
    path = tmp_path / "kept.json"
    path.write_text(to_json(spoilt(b'{"text": "A film."}\n')), encoding="utf-8")
    fuzz_readers.replay(path)
    assert capsys.readouterr().out.endswith("read\n")
    path.write_text(to_json(spoilt(b"{")), encoding="utf-8")
    with pytest.raises(targets.isogloss.IsoglossError, match="line 1"):
        fuzz_readers.replay(path)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_input_that_kills_or_halts_its_process_is_a_fault_and_the_next_is_read(monkeypatch):
    def served(pipe, seed):
        pipe.send(100)
        while (number := pipe.recv()) is not None:
            if number == 1:
                os._exit(9)
            if number == 2:
                time.sleep(60)
            pipe.send(("csv", verdicts.Verdict("read", 0.5), 200 + number))

    monkeypatch.setattr(fuzz_readers, "_serve", served)
    monkeypatch.setattr(fuzz_readers, "PATIENCE", 0.2)
    inputs = fuzz_readers.Inputs(0, "fork")
    found = [inputs.judge(number) for number in range(4)]
    inputs.close()
    assert [verdict.kind for _, verdict in found] == ["read", "fault", "fault", "read"]
    assert "exit code 9" in found[1][1].message
    assert "no answer" in found[2][1].message
    assert found[1][0] == case_of(0, 1).target
    assert inputs.memory == [(100, 200), (100, 100), (100, 203)]


def test_the_limit_on_time_is_lifted_afterwards():
    with verdicts.limited(60):
        pass
    assert verdicts.signal.getitimer(verdicts.signal.ITIMER_REAL)[0] == 0


def test_reading_a_case_writes_its_files(tmp_path):
    read_case(spoilt(b'{"text": "A film."}\n'), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["case.jsonl"]
