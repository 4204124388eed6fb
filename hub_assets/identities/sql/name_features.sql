with
shown as (
    select
        name,
        -- letters and digits inside emoji are not part of a name
        case
            when starts_with(name, '{{ token }}') then ''
            else regexp_replace(name, '.(\x{FE0F}\x{20E3}?|\x{20E3})|{{ unseen }}', '', 'g')
        end as visible
    from names
),

unaccented as (
    select
        name,
        -- names in scripts other than these need their combining marks
        case
            when regexp_matches(
                visible, '[^\p{Latin}\p{Greek}\p{Cyrillic}\p{Common}\p{Inherited}]'
            ) then visible
            else strip_accents(visible)
        end as plain
    from shown
),

split as (
    select
        name,
        plain,
        -- these letters have two lower-case forms
        regexp_replace(
            replace(replace(lower(plain), 'ß', 'ss'), 'ς', chr(963)), '[^\p{L}\p{M}\p{N}]', '', 'g'
        ) as normal,
        regexp_extract_all(
            regexp_replace(
                regexp_replace(
                    lower(regexp_replace(plain, '(\p{Ll})(\p{Lu})', '\1 \2', 'g')),
                    '^[-_. ]*(({{ titles }})[-_. ]+)+', ''
                ),
                '([-_,. ]+({{ degrees }})[. ]*)+$', ''
            ),
            '[\p{L}\p{M}]+'
        ) as words
    from unaccented
),

parts as (
    select
        *,
        regexp_replace(normal, '\p{N}+$', '') as stem,
        regexp_replace(normal, '\p{N}', '', 'g') as letters,
        regexp_replace(normal, '[^\p{N}]', '', 'g') as digits,
        words[1] as first,
        words[len(words)] as last,
        words[1][1] as initial
    from split
)

select
    name, plain, normal, stem, letters, digits, words, first, last, initial,
    -- `Yara Winter`, `Ruo Liu`, `Ludwig van Winter`: `yaraw`, `rliu`, `liur`, `wyara`, `lvanwinter`, `ludwigvw`
    case
        when len(words) > 1 and length(first) > 1 and digits = ''
            then
                [
                    concat(first, last[1]),
                    concat(initial, last),
                    concat(last, initial),
                    concat(last[1], first),
                    concat(initial, array_to_string(words[2:], '')),
                    concat(first, array_to_string(list_transform(words[2:], lambda word: word[1]), ''))
                ]
        else cast([] as varchar[])
    end as abbreviations
from parts
