#!/usr/bin/env python3
"""Writes the task files of subjects (KMMLU, MMLU, Ko-MMLU, HAE-RAE, CLIcK, CSATQA) and their groups.

    python3 configs/tasks/make_subjects.py [--check]

Each subject is a file of its own, as the harness wants it; what subjects share is in the `_*.yaml`
file that they include, which is written by hand. --check compares instead of writing and exits 1
when a file differs.
"""
import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

KMMLU = {
    "stem": """biology chemical_engineering chemistry civil_engineering computer_science ecology
        electrical_engineering information_technology materials_engineering math
        mechanical_engineering""",
    "humss": """accounting criminal_law economics education korean_history law management
        political_science_and_sociology psychology social_welfare taxation""",
    "applied_science": """aviation_engineering_and_maintenance electronics_engineering
        energy_management environmental_science gas_technology_and_engineering geomatics
        industrial_engineer machine_design_and_manufacturing maritime_engineering
        nondestructive_testing railway_and_automotive_engineering
        telecommunications_and_wireless_technology""",
    "other": """agricultural_sciences construction fashion food_processing health
        interior_architecture_and_design marketing patent public_safety real_estate
        refrigerating_machinery""",
}

MMLU = {
    "stem": """abstract_algebra anatomy astronomy college_biology college_chemistry
        college_computer_science college_mathematics college_physics computer_security
        conceptual_physics electrical_engineering elementary_mathematics high_school_biology
        high_school_chemistry high_school_computer_science high_school_mathematics
        high_school_physics high_school_statistics machine_learning""",
    "humanities": """formal_logic high_school_european_history high_school_us_history
        high_school_world_history international_law jurisprudence logical_fallacies moral_disputes
        moral_scenarios philosophy prehistory professional_law world_religions""",
    "social_sciences": """econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
        professional_psychology public_relations security_studies sociology us_foreign_policy""",
    "other": """business_ethics clinical_knowledge college_medicine global_facts human_aging
        management marketing medical_genetics miscellaneous nutrition professional_accounting
        professional_medicine virology""",
}

# Name of the task -> name of the dataset's configuration.
HAERAE = {
    "general_knowledge": "general_knowledge",
    "history": "history",
    "loan_word": "loan_words",
    "rare_word": "rare_words",
    "standard_nomenclature": "standard_nomenclature",
}
CLICK = {
    "cul": "economy geography history kpop law politics society tradition",
    "lang": "function grammar text",
}
CSATQA = "gr li rch rcs rcss wr"

# Prefix of the tasks -> (title, version, metric of the groups, hyphenated names of configurations).
KMMLU_KINDS = {
    "kmmlu": ("KMMLU", "2.0", "acc", True),
    "kmmlu_direct": ("KMMLU, answer as text", "2.0", "exact_match", True),
    "kmmlu_hard": ("KMMLU-HARD", "2.0", "acc", False),
    "kmmlu_direct_hard": ("KMMLU-HARD, answer as text", "2.0", "exact_match", False),
}


def hyphenated(subject):
    """The form in which KMMLU names its configurations: Criminal-Law, Gas-Technology-and-Engineering."""
    return "-".join(w if w == "and" else w.capitalize() for w in subject.split("_"))


def task_file(comment, include, task, **fields):
    lines = [f"# {comment}", f"include: {include}", f"task: {task}"]
    lines += [f"{key}: {value}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def group_file(comment, group, tasks, metrics, version, alias=None):
    lines = [f"# {comment}", f"group: {group}"]
    if alias:
        lines.append(f"group_alias: {alias}")
    lines += ["task:"] + [f"  - {task}" for task in tasks]
    lines.append("aggregate_metric_list:")
    for metric in metrics:
        lines += [f"  - metric: {metric}", "    aggregation: mean", "    weight_by_size: true"]
    lines += ["metadata:", f"  version: {version}"]
    return "\n".join(lines) + "\n"


def kmmlu_files():
    for prefix, (title, version, metric, hyphens) in KMMLU_KINDS.items():
        for area, names in KMMLU.items():
            subjects = names.split()
            for subject in subjects:
                yield f"kmmlu/{prefix}/{prefix}_{subject}.yaml", task_file(
                    f"{title}: {subject.replace('_', ' ')}.", f"_{prefix}.yaml", f"{prefix}_{subject}",
                    dataset_name=hyphenated(subject) if hyphens else subject, tag=f"{prefix}_{area}_tasks")
            yield f"kmmlu/{prefix}/_{prefix}_{area}.yaml", group_file(
                f"{title}: the subjects of one area.", f"{prefix}_{area}", [f"{prefix}_{area}_tasks"],
                [metric], version)
        yield f"kmmlu/{prefix}/_{prefix}_group.yaml", group_file(
            f"{title}: all 45 subjects.", prefix, [f"{prefix}_{area}" for area in KMMLU], [metric], version)


def mmlu_files():
    for area, names in MMLU.items():
        for subject in names.split():
            text = subject.replace("_", " ")
            yield f"mmlu/mmlu_{subject}.yaml", task_file(
                f"MMLU: {text}.", "_mmlu.yaml", f"mmlu_{subject}", task_alias=text, dataset_name=subject,
                tag=f"mmlu_{area}_tasks",
                description=f'"The following are multiple choice questions (with answers) about {text}.\\n\\n"')
        yield f"mmlu/_mmlu_{area}.yaml", group_file(
            "MMLU: the subjects of one area.", f"mmlu_{area}", [f"mmlu_{area}_tasks"], ["acc"], "2",
            alias=area.replace("_", " "))
    yield "mmlu/_mmlu_group.yaml", group_file(
        "MMLU: all 57 subjects.", "mmlu", [f"mmlu_{area}" for area in MMLU], ["acc"], "2")


def ko_mmlu_files():
    subjects = sorted(subject for names in MMLU.values() for subject in names.split())
    for subject in subjects:
        yield f"ko_h5/ko_mmlu/ko_mmlu_{subject}.yaml", task_file(
            f"Ko-MMLU: {subject.replace('_', ' ')}; the rows are the operator's.", "_ko_mmlu.yaml",
            f"ko_mmlu_{subject}", dataset_name=subject, tag="ko_mmlu_tasks")


def korean_files():
    for task, name in HAERAE.items():
        yield f"haerae/haerae_{task}.yaml", task_file(
            f"HAE-RAE Bench: {task.replace('_', ' ')}.", "_haerae.yaml", f"haerae_{task}", dataset_name=name)
    both = ["acc", "acc_norm"]
    yield "haerae/_haerae_group.yaml", group_file(
        "HAE-RAE Bench: its five tasks.", "haerae", [f"haerae_{task}" for task in HAERAE], both, "1.0")
    for area, parts in CLICK.items():
        for part in parts.split():
            yield f"click/click_{area}_{part}.yaml", task_file(
                f"CLIcK: {part}.", "_click.yaml", f"click_{area}_{part}", process_docs=f"click_{part}",
                tag=f"click_{area}_tasks")
        yield f"click/_click_{area}.yaml", group_file(
            "CLIcK: one half of it.", f"click_{area}", [f"click_{area}_tasks"], both, "1.0")
    yield "click/_click_group.yaml", group_file(
        "CLIcK: culture and language.", "click", ["click_lang", "click_cul"], both, "1.0")
    for part in CSATQA.split():
        yield f"csatqa/csatqa_{part}.yaml", task_file(
            f"CSATQA: {part.upper()}.", "_csatqa.yaml", f"csatqa_{part}", dataset_name=part.upper())
    yield "csatqa/_csatqa_group.yaml", group_file(
        "CSATQA: its six parts.", "csatqa", [f"csatqa_{part}" for part in CSATQA.split()], both, "0.0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    wrong = []
    files = [*kmmlu_files(), *mmlu_files(), *ko_mmlu_files(), *korean_files()]
    for name, text in files:
        path = HERE / name
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                wrong.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in wrong:
        print(f"{name} differs; run configs/tasks/make_subjects.py", file=sys.stderr)
    print(f"{len(files)} files, {len(wrong)} differ" if check else f"{len(files)} files written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
