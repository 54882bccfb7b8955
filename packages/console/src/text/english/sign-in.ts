export const signIn = {
  title: "Sign in to Cordon",
  name: "Name",
  password: "Password",
  code: "One-time code",
  codeWhy: "Six digits from your authenticator app",
  needsCode: "This account has a second factor: enter its code as well.",
  submit: "Sign in",
  or: "or",
  refused: "Name, password or code is wrong.",
  setupNeeded: "There is no administrator yet",
  setupNeededWhy:
    "Open the setup link from the log of the Central Node: it makes the first administrator. It works once, for 24 hours; a restart of the Central Node gives a new one.",
  setupCommand: "Or run this on the Central Node:",
  haveAccount: "I have an account: sign in",
  oidcRefused: "Your identity provider's sign-in was refused",
};

export const setUp = {
  title: "Set up Cordon",
  intro:
    "You make the first administrator. Administrators make users, let external systems in and enrol hosts; they give no orders to hosts.",
  token: "Setup token",
  tokenWhy: "From the setup link in the log of the Central Node",
  passwordWhy: "At least {{count}} characters. A sentence is easier to remember than a word.",
  repeat: "Password again",
  different: "The two passwords differ.",
  tooShort: "Use at least {{count}} characters.",
  submit: "Make the administrator and sign in",
  doneAlready: "Cordon is set up already",
  doneAlreadyWhy: "An administrator exists. Sign in, or ask for an account.",
  toSignIn: "To sign in",
};

export const newPassword = {
  title: "Set a new password",
  intro: "You signed in with a one-time password. Set one of your own; the one-time password stops working.",
  current: "One-time password",
  next: "New password",
  submit: "Set the password",
};
