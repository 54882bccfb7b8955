/** The second of the two tables that a new action is added to: who makes it true. Only the agent imports this file. */
