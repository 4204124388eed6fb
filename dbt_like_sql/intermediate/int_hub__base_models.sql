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

-- a relation is a word before a colon; in a URL, two slashes follow the colon
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

-- reduce a Hub URL to its path: no host, query or fragment
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

-- drop the revision, the repository page, and the suffix of clone URLs
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

-- many base models are local paths, which may reveal a user name; other Hub pages are not models
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

-- the Hub ignores case in ids, so all spellings of an id are the same base model
related as (
    select
        snapshot_date, repo_key, repo_id, lower(base_repo_id) as spelling, relation, min(base_repo_id) as base_repo_id
    from bases
    where relation is not null
    group by snapshot_date, repo_key, repo_id, lower(base_repo_id), relation
),

-- for each tag that states a relation, the Hub adds another tag that does not
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
