with

activity as (
    select
        snapshot_date, repo_type, repo_key, repo_id, namespace, license_group, n_parameters, n_likes, n_downloads
    from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

repositories as (
    select repo_type, repo_key, tags
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

models as (
    select repo_key, pipeline_tag as task, library_name as library
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

asked as (
    select
        repo_type, repo_key, card_text, has_card, languages, tasks,
        row_number() over (partition by repo_type, repo_key order by snapshot_date desc) as place
    from {{ ref('stg_hub__cards') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
),

cards as (
    select repo_type, repo_key, card_text, has_card, languages, tasks
    from asked
    where place = 1
),

-- tasks and languages in the tags are used for repositories whose card has not been read or declares none
tagged as (
    select
        repo_type,
        repo_key,
        list_filter(tags, lambda tag: tag not like '%:%') as words,
        list_transform(
            list_filter(tags, lambda tag: starts_with(tag, 'task_categories:')), lambda tag: substr(tag, 17)
        ) as tasks,
        list_transform(
            list_filter(tags, lambda tag: starts_with(tag, 'language:')), lambda tag: substr(tag, 10)
        ) as languages
    from repositories
)

select
    activity.snapshot_date,
    activity.repo_type,
    activity.repo_key,
    activity.repo_id,
    activity.namespace,
    cards.card_text,
    cards.has_card,
    coalesce(models.task, cards.tasks[1], tagged.tasks[1]) as task,
    models.library,
    activity.license_group,
    case when len(cards.languages) > 0 then cards.languages else tagged.languages end as languages,
    tagged.words as tags,
    activity.n_parameters,
    activity.n_likes,
    activity.n_downloads
from activity
left join tagged on activity.repo_type = tagged.repo_type and activity.repo_key = tagged.repo_key
left join models on activity.repo_key = models.repo_key and activity.repo_type = 'model'
left join cards on activity.repo_type = cards.repo_type and activity.repo_key = cards.repo_key
