// What an origin wrote is text: no markup is made of strings, nothing is evaluated, and nothing is loaded from elsewhere.
import nounsanitized from 'eslint-plugin-no-unsanitized';
import globals from 'globals';

export default [
  {
    files: ['**/*.js'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'no-unsanitized': nounsanitized },
    rules: {
      'no-unsanitized/method': 'error',
      'no-unsanitized/property': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-script-url': 'error',
      'no-restricted-properties': ['error',
        { property: 'innerHTML', message: 'text is text' }, { property: 'outerHTML', message: 'text is text' },
        { property: 'insertAdjacentHTML', message: 'text is text' }, { object: 'document', property: 'write' },
        { object: 'document', property: 'cookie' }],
      'no-restricted-globals': ['error', 'localStorage', 'sessionStorage', 'alert', 'confirm', 'prompt'],
      'no-undef': 'error',
      'no-unused-vars': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 300],
    },
  },
];
