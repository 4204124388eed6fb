-- prong (a) of the study: alike, with commits in one repository
select x, y from compared where similarity >= {{ alike }}
