#!/usr/bin/env python3
"""Writes the rows of the demo tasks: configs/demo/tasks/data/<task>.<split>.jsonl.

    python3 make_demo_data.py [--out tasks/data]

Everything follows from the seed below and demo_words.py; the same bytes on every machine. A question
belongs to one split only, so no dev or test row can occur in text made of train rows.
"""
import argparse
import json
import random
from pathlib import Path

import demo_words as words

SEED = 20240812
COUNTS = {"train": 480, "dev": 20, "test": 100}
SUBJECT_COUNTS = {"train": 400, "dev": 10, "test": 60}
SUBJECT_QUESTIONS = {"train": 144, "dev": 8, "test": 40}
SPLITS = ("train", "dev", "test")


def final(word):
    """The final consonant of the last syllable, 0 for none; 8 is rieul."""
    return (ord(word[-1]) - 0xAC00) % 28 if "가" <= word[-1] <= "힣" else 0


def with_particle(word, kind):
    """`word` with the form of its particle that its last syllable asks for."""
    closed = final(word) != 0
    if kind == "로":
        return word + ("으로" if closed and final(word) != 8 else "로")
    return word + {"은": "은" if closed else "는", "이": "이" if closed else "가",
                   "을": "을" if closed else "를"}[kind]


def shuffled_options(rng, right, wrong):
    """The options in random order and the index of the right one."""
    options = [right, *wrong]
    rng.shuffle(options)
    return options, options.index(right)


def reasoning(rng, count):
    keys = [(purpose, pattern, name, place) for purpose in words.PURPOSES
            for pattern in words.REASONING_PATTERNS for name in words.NAMES
            for place in words.PLACES]
    tools = [purpose[3] for purpose in words.PURPOSES]
    for (plan, must, doing, tool), pattern, name, place in rng.sample(keys, count):
        wrong = rng.sample([t for t in tools if t != tool], 3)
        options, gold = shuffled_options(rng, tool, wrong)
        question = pattern.format(name_eun=with_particle(name, "은"),
                                  name_i=with_particle(name, "이"), place=place, plan=plan,
                                  must=must, doing=doing)
        yield {"question": question, "choices": {"text": options, "label": list("ABCD")},
               "answerKey": "ABCD"[gold]}


def completion(rng, count):
    keys = [(activity, start, pattern, name, time)
            for activity, (_, starts, _) in words.ACTIVITIES.items() for start in starts
            for pattern in words.COMPLETION_PATTERNS for name in words.NAMES
            for time in words.TIMES]
    for activity, start, pattern, name, time in rng.sample(keys, count):
        place, _, endings = words.ACTIVITIES[activity]
        others = rng.sample([a for a in words.ACTIVITIES if a != activity], 3)
        wrong = [rng.choice(words.ACTIVITIES[other][2]) for other in others]
        options, gold = shuffled_options(rng, rng.choice(endings), wrong)
        context = pattern.format(name_eun=with_particle(name, "은"), time=time, place=place,
                                 start=start)
        yield {"activity_label": activity, "ctx": context, "endings": options, "label": gold}


def truthful(rng, count):
    keys = [(belief, pattern, who) for belief in words.BELIEFS
            for pattern in words.BELIEF_PATTERNS for who in words.BELIEF_WHO]
    for (belief, claim), pattern, who in rng.sample(keys, count):
        true = rng.sample(words.TRUTHS, rng.choice((1, 2)))
        false = [claim, *rng.sample(words.EXAGGERATIONS, rng.choice((1, 2)))]
        yield {"question": pattern.format(who=who, belief=belief),
               "mc2_targets": {"choices": true + false,
                               "labels": [1] * len(true) + [0] * len(false)}}


def event_sentence(setting, subject, means, target, adverb, verb):
    return (f"{setting}에 {with_particle(subject, '이')} {with_particle(means, '로')} "
            f"{with_particle(target, '을')} {adverb} {verb}.")


def commonsense(rng, count):
    keys = [(event, adverb, setting) for event in words.EVENTS for adverb in words.ADVERBS
            for setting in words.SETTINGS]
    for (agent, tool, target, stem, verb), adverb, setting in rng.sample(keys, count):
        roles = [(tool, agent, target), (target, tool, agent), (tool, target, agent),
                 (target, agent, tool)]
        wrong = [event_sentence(setting, *r, adverb, verb) for r in rng.sample(roles, 3)]
        right = event_sentence(setting, agent, tool, target, adverb, verb)
        options, gold = shuffled_options(rng, right, wrong)
        concepts = [agent, tool, target, stem, adverb, setting]
        rng.shuffle(concepts)
        yield {"concept_set": "#".join(concepts),
               **{f"sentence{i + 1}": option for i, option in enumerate(options)},
               "gold": gold + 1}


def subject_rows(rng, subject):
    """The rows of a subject by split: questions are dealt to the splits first."""
    facts, patterns = words.SUBJECTS[subject]
    questions = [(key, answer, pattern) for key, answer in facts for pattern in patterns]
    rng.shuffle(questions)
    answers = list(dict.fromkeys(answer for _, answer in facts))
    rows, seen = {}, set()
    for split in SPLITS:
        mine = [questions.pop() for _ in range(SUBJECT_QUESTIONS[split])]
        rows[split] = []
        while len(rows[split]) < SUBJECT_COUNTS[split]:
            key, answer, pattern = mine[len(rows[split]) % len(mine)]
            wrong = rng.sample([a for a in answers if a != answer], 3)
            options, gold = shuffled_options(rng, answer, wrong)
            question = pattern.format(key=key, key_eun=with_particle(key, "은"),
                                      key_i=with_particle(key, "이"),
                                      key_reul=with_particle(key, "을"))
            if (question, *options) in seen:
                continue
            seen.add((question, *options))
            rows[split].append({"question": question, "choices": options, "answer": gold})
    return rows


def all_rows():
    """{task: {split: rows}}."""
    tasks = {}
    for make in (reasoning, completion, truthful, commonsense):
        rng = random.Random(f"{SEED}/{make.__name__}")
        rows = list(make(rng, sum(COUNTS.values())))
        tasks[f"demo_{make.__name__}"] = {}
        for split in SPLITS:
            tasks[f"demo_{make.__name__}"][split] = rows[:COUNTS[split]]
            rows = rows[COUNTS[split]:]
    for subject in words.SUBJECTS:
        rng = random.Random(f"{SEED}/{subject}")
        tasks[f"demo_knowledge_{subject}"] = subject_rows(rng, subject)
    return tasks


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "tasks" / "data")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for task, splits in all_rows().items():
        for split, rows in splits.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (out / f"{task}.{split}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
