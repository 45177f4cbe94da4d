#!/usr/bin/env python3
"""Runs lm-evaluation-harness 0.4.13 over tasks/ with a model that answers by checksums, and keeps what it wrote.

    make_harness_run.py        in this folder, with lm_eval 0.4.13 and pyyaml installed

responses.json: task -> what the model said, in request order; results.json and samples/<task>.jsonl: the harness's own
files, without what names the machine, the clock or the paths.
"""
import json
import pathlib
import shutil
import tempfile
import zlib

from lm_eval import evaluator
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

HERE = pathlib.Path(__file__).parent
NAMES = ["toy", "toy_rolling"]
KEPT = ["results", "groups", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes"]


def crc(*texts):
    return zlib.crc32("\x00".join(texts).encode())


class Checksums(LM):
    def __init__(self):
        super().__init__()
        self.said = {}

    def _keep(self, requests, answers):
        for request, answer in zip(requests, answers):
            self.said.setdefault(request.task_name, []).append(answer)
        return answers

    def loglikelihood(self, requests, **_):
        return self._keep(requests, [(-(crc(*r.args) % 9973) / 977, crc("greedy", *r.args) % 3 == 0) for r in requests])

    def loglikelihood_rolling(self, requests, **_):
        return self._keep(requests, [-(crc(*r.args) % 9973) / 97 for r in requests])

    def generate_until(self, requests, **_):
        texts = [self._text(r.args[0], r.doc) for r in requests]
        return self._keep(requests, texts)

    @staticmethod
    def _text(context, doc):
        forms = ["{}", " {} ", "답은 {}.", "I say {}! ", "{}... 12", "아마 {}일 것이다", "모르겠다"]
        answer = doc["tags"][crc(context) % len(doc["tags"])] if crc("tag", context) % 2 else str(doc["n"])
        return forms[crc("form", context) % len(forms)].format(answer.upper())


def main():
    model = Checksums()
    with tempfile.TemporaryDirectory() as out:
        tracker = EvaluationTracker(output_path=out)
        manager = TaskManager(include_path=str(HERE / "tasks"), include_defaults=False)
        results = evaluator.simple_evaluate(model=model, tasks=NAMES, task_manager=manager, log_samples=True, evaluation_tracker=tracker,
                                            bootstrap_iters=100000)
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for task in results["configs"]:
            tracker.save_results_samples(task_name=task, samples=samples[task])
        shutil.rmtree(HERE / "samples", ignore_errors=True)
        (HERE / "samples").mkdir()
        for path in pathlib.Path(out).rglob("samples_*.jsonl"):
            task = path.name.removeprefix("samples_").rsplit("_", 1)[0]
            shutil.copyfile(path, HERE / "samples" / f"{task}.jsonl")
        written = json.loads(next(pathlib.Path(out).rglob("results_*.json")).read_text(encoding="utf-8"))
    kept = {key: written[key] for key in KEPT}
    for config in kept["configs"].values():
        config["metadata"].pop("config_source", None)
    text = json.dumps(kept, indent=2, ensure_ascii=False)
    (HERE / "results.json").write_text(text + "\n", encoding="utf-8")
    (HERE / "responses.json").write_text(json.dumps(model.said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
