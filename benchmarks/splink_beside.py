"""Let Splink 5 match people: run by a Python that has it, and nothing of Overtide.

Its one argument is JSON: the file, the columns, the blocks as SQL, the threshold. The last line
that it prints is JSON: the cluster of each record, and the seconds after training.
"""

import json
import sys
import time
from typing import Any


def main() -> None:
    """Train on the records themselves, compare, and cluster."""
    import duckdb
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    asked: dict[str, Any] = json.loads(sys.argv[1])

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    people = connection.sql(f"SELECT * FROM read_csv('{asked['people']}', all_varchar = true)").df()
    rules = [block_on(*parts) for parts in asked["blocks"]]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="RecordId",
        comparisons=[
            cl.JaroWinklerAtThresholds(name, [0.92, 0.8])
            if name in ("GivenName", "Surname")
            else cl.DamerauLevenshteinAtThresholds(name, [1, 2])
            for name in asked["columns"]
        ],
        blocking_rules_to_generate_predictions=rules,
        max_iterations=20,
    )
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register(people), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("GivenName", "Surname", "Postcode"), block_on("Telephone")], recall=0.8
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("Surname", "GivenName"))
    training.estimate_parameters_using_expectation_maximisation(block_on("Postcode", "Street"))
    since = time.perf_counter(), time.process_time()
    predicted = linker.inference.predict(threshold_match_probability=0.01)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predicted, threshold_match_probability=asked["threshold"]
    )
    rows = clusters.as_pandas_dataframe()
    seconds, processor = time.perf_counter() - since[0], time.process_time() - since[1]
    cluster = dict(zip(rows["RecordId"], map(str, rows["cluster_id"]), strict=True))
    print(json.dumps({"cluster": cluster, "seconds": seconds, "processor": processor}))


if __name__ == "__main__":
    main()
