-- the study's rule (a): similar names that committed to the same repository
select x, y from compared
where similarity >= {{ alike }}
