"""Needs: what the stages wrote case by case. Makes: the tables of the experiment."""


rule table_cases:
    input:
        manifest=os.path.relpath(PLAN.manifest),
        scans=[PLAN.source(case, "image") for case in PLAN.ids()],
        annotations=[PLAN.source(case, "label") for case in PLAN.ids()],
        labels=expand(f"{ROOT}/{paths.LABEL}", case=PLAN.ids()),
        bodies=expand(f"{ROOT}/{paths.BODY}", case=PLAN.ids()),
        sources=expand(f"{ROOT}/{paths.SOURCE}", case=PLAN.ids()),
    output:
        f"{ROOT}/cases.parquet",
    log:
        f"{LOGS}/tables/cases.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        cases=PLAN.ids(),
        classes=config["classes"],
        code=code_digest("unoise.data.census", "unoise.tables"),
    message:
        "Describing all cases"
    script:
        "../scripts/table_cases.py"


rule table_segmentation:
    input:
        PLAN.predictions(paths.SCORES),
    output:
        f"{ROOT}/{paths.TABLE}".format(table="segmentation"),
    log:
        f"{LOGS}/tables/segmentation.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        schema="SEGMENTATION",
        code=code_digest("unoise.tables"),
    message:
        "Gathering the scores of the segmenter and the judges"
    script:
        "../scripts/table_joined.py"


rule table_costs:
    input:
        expand(f"{ROOT}/{paths.TRAINING_COSTS}", model=PLAN.trained),
        PLAN.explained(paths.COSTS),
    output:
        f"{ROOT}/{paths.TABLE}".format(table="costs"),
    log:
        f"{LOGS}/tables/costs.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        schema="COSTS",
        code=code_digest("unoise.tables"),
    message:
        "Gathering what everything cost"
    script:
        "../scripts/table_joined.py"


rule table_curves:
    input:
        PLAN.evaluated(paths.METRICS),
    output:
        f"{ROOT}/{paths.TABLE}".format(table="curves"),
    log:
        f"{LOGS}/tables/curves.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        code=code_digest("unoise.statistics.curves"),
    message:
        "Pooling voxel counts by patient"
    script:
        "../scripts/table_curves.py"


rule table_ranking:
    input:
        rules.table_curves.output,
    output:
        f"{ROOT}/{paths.TABLE}".format(table="ranking"),
    log:
        f"{LOGS}/tables/ranking.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        trained_with=PLAN.trained_with,
        code=code_digest(
            "unoise.statistics.curves",
            "unoise.statistics.ranking",
            "unoise.statistics.seen",
        ),
    message:
        "Ranking the explanations"
    script:
        "../scripts/table_ranking.py"


rule table_contests:
    input:
        rules.table_curves.output,
    output:
        f"{ROOT}/{paths.TABLE}".format(table="contests"),
    log:
        f"{LOGS}/tables/contests.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        explainers=PLAN.contestants,
        trained_with=PLAN.trained_with,
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("unoise.statistics.contests", "unoise.statistics.seen"),
    message:
        "Comparing explanations patient by patient"
    script:
        "../scripts/table_contests.py"
