"""Benchmarks: how long the work takes, how much memory, and how that grows; `python -m hub_assets_tests.benchmarks`.

They are not tests: nothing here is collected by pytest, and being slow is no failure. Being wrong is one. To add a
benchmark, put a file into `entries/`:

    @benchmark("identity merging", order=70)
    def identity_merging(stage: Stage) -> Iterator[Measurement]:
        home = stage.once(listed).result.home  # what an earlier entry made is used again
        ours = measure(merge, home)
        peer = measure(merge_with_fuzzywuzzy, home)
        answers = compare(ours.result, peer.result)
        yield ours.measurement("identity merging", rows, peers=[peer.peer("fuzzywuzzy")], answers=answers, grows=True)


    def merge(clock: Clock, home: Path) -> dict[str, float]:
        from hub_assets.identities import ...  # imports and preparations are not timed

        with clock:
            ...
        return ...  # what the peer must give too
"""
