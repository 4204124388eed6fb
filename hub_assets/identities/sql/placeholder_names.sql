-- names that identify nobody: placeholders, and names without letters or digits. Separators in a placeholder may be
-- missing or different, but a placeholder without separators matches only names without them: `Na Me` is not `name`.
-- Placeholders of fewer than three letters and digits must match exactly, except for case
with
placeholders as (
    select
        all_features.normal,
        bool_or(regexp_matches(all_features.name, '{{ separated }}')) as is_separated
    from all_features inner join generic on all_features.name = generic.name
    where length(all_features.normal) >= 3
    group by all_features.normal
)

select all_features.name
from all_features
left join placeholders on all_features.normal = placeholders.normal
where
    (all_features.normal = '' and not starts_with(all_features.name, '{{ token }}'))
    or lower(trim(all_features.name)) in (select lower(trim(generic.name)) from generic)
    or placeholders.is_separated
    or (not placeholders.is_separated and not regexp_matches(all_features.name, '{{ separated }}'))
