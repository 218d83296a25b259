"""Whether what comes out is what was said, whatever happens on the way: updates in; database, messages out.

`seam` alone knows how the bot is built. `people` do things, `model` says what all of it must come to,
`finding` compares, `pairs` and `histories` are what is tried. `python -m tests.checker` tries it at length.

Two runs of the same may differ in this, and it is left out of the comparison (`finding.picture`):

| what | why it may differ |
|---|---|
| `leases`, `figures`, `figure_touches` | say nothing about anybody |
| `_id`, `createdAt`, `updatedAt`, `updatedBy`, `sentAt`, `claim`, `attemptAt` | when, how often it was done |
| `messageId`, `messages`, `dueAt`, `version` of letters | their place in the coach's chat, their last edit |
| update ids, ids of notes' messages | compared under a name: which act it was; the note's text |
| `users.telegramLanguage` | is written when there is time |
| replies held up, and what their chat's questions show | say what is true when they leave; best effort |
| letters about who was deleted, or has no pain in the end | what was not told by then need not be |
| `/pending` held up until the answer has come | what is answered is not asked again |
| in one page: times, `saidAt`, chats, `session_prompts` | for what comes together fewer messages are needed |

What is said by one service while another has something older in its journal may be told, and counted, by
what is known then (`finding.problems(loose=True)`): details may be missing, settings are not compared, and
whose a tap is may have been decided by what nobody knew.
"""
