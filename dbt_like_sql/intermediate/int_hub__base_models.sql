with

tagged as (
    select snapshot_date, repo_key, repo_id, unnest(tags) as tag
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

named as (
    select snapshot_date, repo_key, repo_id, trim(substr(tag, 12)) as named
    from tagged
    where starts_with(tag, 'base_model:')
),

-- a relation is a word before a colon; a URL has a colon too, but two slashes after it
split as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        nullif(regexp_extract(named, '^([a-z_]+):([^/]|/[^/]|$)', 1), '') as relation,
        case
            when regexp_matches(named, '^[a-z_]+:([^/]|/[^/]|$)') then trim(substr(named, strpos(named, ':') + 1))
            else named
        end as written
    from named
),

-- the id within a URL of the Hub, without its host, query and fragment
paths as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        relation,
        written,
        regexp_replace(
            regexp_replace(
                written,
                '^(?i)(hf://|([a-z+]+://)?([^/@]*@)?(www\.)?(huggingface\.co|hf\.co)(:[0-9]+)?[:/]+)((api/)?models/)?',
                ''
            ),
            '[?#].*$',
            ''
        ) as path
    from split
    where written <> ''
),

-- without the revision, the page of the repository, and what a clone's URL ends in
ids as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        relation,
        regexp_replace(
            regexp_replace(path, '(@.*|/(tree|blob|blame|raw|resolve|commit|commits|discussions)(/.*)?)$', ''),
            '(\.git)?[/\s]*$',
            ''
        ) as base
    from paths
),

-- many a base is a path on somebody's disk, which may name its owner; other pages of the Hub are no models
bases as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        relation,
        case
            when
                regexp_full_match(base, '\w[\w.-]*(/\w[\w.-]*)?')
                and not regexp_matches(base, '^(datasets|spaces|collections|papers|docs|blog)/')
                then base
            else '(no id)'
        end as base_repo_id
    from ids
),

-- the Hub resolves ids regardless of case, so that spellings of one id are one base
related as (
    select snapshot_date, repo_key, repo_id, lower(base_repo_id) as spelling, relation, min(base_repo_id) as base_repo_id
    from bases
    where relation is not null
    group by snapshot_date, repo_key, repo_id, lower(base_repo_id), relation
),

-- beside each tag with a relation the Hub puts one without
unrelated as (
    select bases.snapshot_date, bases.repo_key, bases.repo_id, min(bases.base_repo_id) as base_repo_id
    from bases
    left join related on bases.repo_key = related.repo_key and lower(bases.base_repo_id) = related.spelling
    where bases.relation is null and related.repo_key is null
    group by bases.snapshot_date, bases.repo_key, bases.repo_id, lower(bases.base_repo_id)
)

select snapshot_date, repo_key, repo_id, base_repo_id, relation
from related
union all
select snapshot_date, repo_key, repo_id, base_repo_id, 'unspecified' as relation
from unrelated
