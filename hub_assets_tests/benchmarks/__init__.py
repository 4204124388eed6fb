"""Benchmarks of time, memory and growth; run them with `python -m hub_assets_tests.benchmarks`.

pytest does not collect them. A slow result is not a failure, but a wrong result is. To add a benchmark, add a file to
`entries/`:

    @benchmark("identity merging", order=70)
    def identity_merging(stage: Stage) -> Iterator[Measurement]:
        home = stage.once(listed).result.home  # reuses the result of an earlier entry
        ours = measure(merge, home)
        peer = measure(merge_with_fuzzywuzzy, home)
        answers = compare(ours.result, peer.result)
        yield ours.measurement("identity merging", rows, peers=[peer.peer("fuzzywuzzy")], answers=answers, grows=True)


    def merge(clock: Clock, home: Path) -> dict[str, float]:
        from hub_assets.identities import ...  # imports and preparation are not timed

        with clock:
            ...
        return ...  # the peer must return the same
"""
